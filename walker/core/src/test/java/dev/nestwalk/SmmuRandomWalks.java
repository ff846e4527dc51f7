package dev.nestwalk;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.RandomSmmu;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.TreeMap;

/**
 * Random walks over random machines, hot walker against reference walker. The long run: {@code
 * SmmuRandomWalks WALKS [FIRST-SEED]}, see CONTRIBUTING.
 */
final class SmmuRandomWalks {
  private static final int WALKS_PER_MACHINE = 250;

  /** How often each answer came, by fault code; code -1 stands for success. */
  final Map<Integer, Long> answers = new TreeMap<>();

  private SmmuRandomWalks() {}

  /** Runs {@code machines} machines from {@code seed} on; throws at the first disagreement. */
  static SmmuRandomWalks run(long seed, int machines) {
    SmmuRandomWalks walks = new SmmuRandomWalks();
    for (long current = seed; current < seed + machines; current++) {
      walks.machine(current);
    }
    return walks;
  }

  private void machine(long seed) {
    try (Arena arena = Arena.ofConfined()) {
      RandomSmmu random = RandomSmmu.generate(seed, arena);
      TableMemory other = random.memory().copy(arena);
      Translator hot =
          Iommu.smmuv3(Comparison.over(random.memory()), random.registers()).newTranslator();
      Reference reference = References.smmuv3(Comparison.over(other), random.registers());
      for (int i = 0; i < WALKS_PER_MACHINE; i++) {
        random.next();
        long answer = translate(random, hot);
        Trace trace =
            reference.translate(
                random.streamId(), random.substreamId(), random.address(), random.access());
        String difference = Comparison.difference(answer, hot.lastFault(), trace);
        boolean compared = i % 50 == 49;
        if (!difference.isEmpty() || compared && random.memory().firstDifference(other) >= 0) {
          throw new AssertionError(
              "seed %d, request %d (source %x pasid %x iova %x access %x): %s; memory differs at %x%n%s"
                  .formatted(
                      seed,
                      i,
                      random.streamId(),
                      random.substreamId(),
                      random.address(),
                      random.access(),
                      difference,
                      random.memory().firstDifference(other),
                      trace.steps()));
        }
        int code = Translation.isFault(answer) ? Translation.code(answer) : -1;
        answers.merge(code, 1L, Long::sum);
      }
    }
  }

  private static long translate(RandomSmmu random, Translator hot) {
    return hot.translate(
        random.streamId(), random.substreamId(), random.address(), random.access());
  }

  public static void main(String[] args) {
    long walks = args.length > 0 ? Long.parseLong(args[0]) : 20_000_000;
    long seed = args.length > 1 ? Long.parseLong(args[1]) : 1_000_000;
    int machines = (int) (walks / WALKS_PER_MACHINE);
    Map<Integer, Long> all = new TreeMap<>();
    for (int done = 0; done < machines; done += 1000) {
      int batch = Math.min(1000, machines - done);
      run(seed + done, batch).answers.forEach((code, n) -> all.merge(code, n, Long::sum));
      System.err.printf("%d of %d machines%n", done + batch, machines);
    }
    all.forEach(
        (code, n) -> System.out.printf("%s %d%n", code < 0 ? "ok" : "0x%x".formatted(code), n));
    System.out.printf("%d walks, hot and reference agree%n", (long) machines * WALKS_PER_MACHINE);
  }
}
