package dev.slipway.examples.rates;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;
import java.util.Optional;

/** Converts amounts of euro by fixed rates. */
final class Rates {
    private static final Map<String, BigDecimal> PER_EURO = Map.of(
            "CHF", new BigDecimal("0.94"),
            "DKK", new BigDecimal("7.46"),
            "USD", new BigDecimal("1.08"));

    private Rates() {
    }

    /** The amount in a currency, rounded to two digits; empty when the currency is not known. */
    static Optional<BigDecimal> convert(BigDecimal euros, String currency) {
        return Optional.ofNullable(PER_EURO.get(currency))
                .map(rate -> euros.multiply(rate).setScale(2, RoundingMode.HALF_UP));
    }
}
