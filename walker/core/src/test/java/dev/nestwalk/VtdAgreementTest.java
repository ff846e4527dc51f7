package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** Hot and reference walker agree on random machines: answer, record and memory. */
final class VtdAgreementTest {
  @Test
  void bothWalkersAgreeOnRandomMachines() {
    Map<Integer, Long> answers = VtdRandomWalks.run(1, 4000).answers;
    long all = answers.values().stream().mapToLong(Long::longValue).sum();
    long ok = answers.getOrDefault(-1, 0L);
    assertTrue(ok > all / 10, "too few translations to tell anything: " + answers);
    assertTrue(answers.size() > 45, "too few kinds of answers: " + answers);
  }
}
