package dev.slipway.examples.rates;

import java.io.IOException;
import java.util.Properties;

/** Starts the service and closes it at SIGTERM. */
public final class Main {
    private Main() {
    }

    public static void main(String[] arguments) throws IOException {
        var properties = new Properties();
        try (var in = Main.class.getResourceAsStream("/service.properties")) {
            properties.load(in);
        }
        String version = properties.getProperty("version");
        var service = new Service(version, Integer.parseInt(System.getenv().getOrDefault("PORT", "8080")));
        service.start();
        System.out.println("version " + version + " listens on port " + service.port());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                service.close(2_000);
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
        }));
    }
}
