package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** Hot and reference walker agree on random machines: answer, event record and memory. */
final class SmmuAgreementTest {
  @Test
  void bothWalkersAgreeOnRandomMachines() {
    Map<Integer, Long> answers = SmmuRandomWalks.run(1, 4000).answers;
    long all = answers.values().stream().mapToLong(Long::longValue).sum();
    long ok = answers.getOrDefault(-1, 0L);
    assertTrue(ok > all / 10, "too few translations to tell anything: " + answers);
    assertTrue(answers.size() >= 15, "too few kinds of answers: " + answers);
  }
}
