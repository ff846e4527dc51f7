package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Hot and reference walker agree on random machines: answer, record and memory. */
final class AgreementTest {
  @ParameterizedTest
  @CsvSource({"VTD, 45", "SMMUV3, 15"})
  void bothWalkersAgreeOnRandomMachines(Formats format, int kinds) {
    Map<Integer, Long> answers = RandomWalks.run(format, 1, 4000).answers;
    long all = answers.values().stream().mapToLong(Long::longValue).sum();
    long ok = answers.getOrDefault(-1, 0L);
    assertTrue(ok > all / 10, "too few translations to tell anything: " + answers);
    assertTrue(answers.size() >= kinds, "too few kinds of answers: " + answers);
  }
}
