package dev.slipway.examples.rates;

import static org.junit.Assert.assertEquals;

import java.math.BigDecimal;
import java.util.Optional;
import org.junit.Test;

public class RatesTest {
    @Test
    public void convertsAndRoundsToTwoDigits() {
        assertEquals(Optional.of(new BigDecimal("9.20")), Rates.convert(new BigDecimal("1.233"), "DKK"));
    }

    @Test
    public void hasNoRateForAnUnknownCurrency() {
        assertEquals(Optional.empty(), Rates.convert(BigDecimal.ONE, "XXX"));
    }
}
