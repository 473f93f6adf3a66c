package dev.slipway.examples.rates;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Answers over HTTP; can be closed without losing a request. */
final class Service {
    private final HttpServer server;
    private final ExecutorService workers = Executors.newFixedThreadPool(8);
    private final String version;
    private volatile boolean draining;

    Service(String version, int port) throws IOException {
        this.version = version;
        server = HttpServer.create(new InetSocketAddress(port), 128);
        server.createContext("/", this::answer);
        server.setExecutor(workers);
    }

    void start() {
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    /**
     * From now on every answer ends its connection, so that clients that keep theirs alive go elsewhere; the
     * listener is closed after the given time.
     */
    void close(long drainMillis) throws InterruptedException {
        draining = true;
        Thread.sleep(drainMillis);
        server.stop(1);
        workers.shutdown();
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        if (path.equals("/healthz")) {
            send(exchange, 200, "{\"status\":\"ok\"}");
        } else if (path.equals("/version")) {
            send(exchange, 200, "{\"version\":\"" + version + "\"}");
        } else if (path.startsWith("/rates/")) {
            String currency = path.substring("/rates/".length());
            var amount = Rates.convert(BigDecimal.ONE, currency);
            if (amount.isPresent()) {
                send(exchange, 200, "{\"currency\":\"" + currency + "\",\"perEuro\":" + amount.get() + "}");
            } else {
                send(exchange, 404, "{\"error\":\"unknown currency\"}");
            }
        } else {
            send(exchange, 404, "{\"error\":\"not found\"}");
        }
    }

    private void send(HttpExchange exchange, int status, String json) throws IOException {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        if (draining) {
            exchange.getResponseHeaders().set("Connection", "close");
        }
        exchange.sendResponseHeaders(status, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }
}
