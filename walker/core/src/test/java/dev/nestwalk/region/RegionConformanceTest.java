package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every numbered case of the model: reserved sets and ranges (R), mapping (M), allow lists (L),
 * unmapping (U), apertures (D), attaching (A), nesting (N), PASIDs (P), identity (Q), texts and
 * tables (T), inversion (V).
 */
class RegionConformanceTest {
  private static Cases all() {
    Cases cases = new Cases();
    SpaceCases.reserved(cases);
    MappingCases.mapping(cases);
    SpaceCases.allowed(cases);
    MappingCases.unmapping(cases);
    SpaceCases.apertures(cases);
    AttachCases.attaching(cases);
    NestingCases.nesting(cases);
    AttachCases.pasids(cases);
    ListCases.identity(cases);
    ListCases.texts(cases);
    ListCases.inversion(cases);
    return cases;
  }

  @TestFactory
  List<DynamicTest> conformance() {
    return all().tests();
  }

  @Test
  void noNumberIsMissing() {
    Map<Character, Integer> counts = new TreeMap<>();
    for (String id : new TreeSet<>(all().ids)) {
      counts.merge(id.charAt(0), 1, Integer::sum);
    }
    assertEquals(
        "{A=21, D=10, L=12, M=27, N=30, P=15, Q=12, R=18, T=18, U=11, V=14}", counts.toString());
  }
}
