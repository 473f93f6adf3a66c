package dev.slipway.examples.rates;

import static org.junit.Assert.assertEquals;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

public class ServiceTest {
    private final HttpClient client = HttpClient.newHttpClient();
    private Service service;

    @Before
    public void start() throws Exception {
        service = new Service("4.5.6", 0);
        service.start();
    }

    @After
    public void close() throws Exception {
        service.close(0);
    }

    @Test
    public void tellsItsVersion() throws Exception {
        assertEquals("{\"version\":\"4.5.6\"}", get("/version").body());
    }

    @Test
    public void answersARate() throws Exception {
        assertEquals("{\"currency\":\"USD\",\"perEuro\":1.08}", get("/rates/USD").body());
    }

    @Test
    public void answers404ToAnUnknownCurrency() throws Exception {
        assertEquals(404, get("/rates/XXX").statusCode());
    }

    private HttpResponse<String> get(String path) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.port() + path)).build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }
}
