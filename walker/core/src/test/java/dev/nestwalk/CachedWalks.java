package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.Requests;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.walk.KernelFactory;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.function.Function;

/**
 * Random interleavings of table changes, invalidations and translations: a translator with caches
 * beside one without, each on its own copy of the memory. Between a change and the invalidation
 * that covers it the caches may answer what they like, and fill themselves with a mixture of old
 * and new; from the invalidation on every answer, fault record and flag has to be that of the walk.
 * The long run: {@code CachedWalks FORMAT OPERATIONS [FIRST-SEED]}, see CONTRIBUTING.
 */
final class CachedWalks {
  private static final int ROUNDS = 12;
  private static final int TRANSLATIONS_PER_ROUND = 60;
  private static final int REQUESTS = 12;
  private static final int BATCH = 50;

  /** Small enough that entries displace each other and that tags run out. */
  static final CacheOptions SMALL = new CacheOptions(16, 4, 4, 4, 8, true);

  /** Small caches without counters: walks go by the class of their own shape, or side by side. */
  static final CacheOptions SMALL_QUIET = new CacheOptions(16, 4, 4, 4, 8, false);

  static final int FEW_TAGS = 9;

  /** Checked answers from the IOTLB. */
  long hits;

  /** Checked walks that a structure cache shortened. */
  long shortened;

  /** Answers of the walk at the beginning of the round, where flags changed what it reads. */
  long early;

  /** All checked answers. */
  long checked;

  /** All operations. */
  long operations;

  private final Formats format;
  private final CacheOptions options;
  private final int lastTag;
  private final Function<GuestMemory, KernelFactory> kernels;

  /**
   * Kernels as an {@link Iommu} makes them: these machines are too short for classes of their own.
   */
  CachedWalks(Formats format, CacheOptions options, int lastTag) {
    this(format, options, lastTag, KernelFactory::new);
  }

  CachedWalks(
      Formats format,
      CacheOptions options,
      int lastTag,
      Function<GuestMemory, KernelFactory> kernels) {
    this.format = format;
    this.options = options;
    this.lastTag = lastTag;
    this.kernels = kernels;
  }

  /** One request, to be repeated. */
  private record Request(int sourceId, int pasid, long address, int access) {
    long ask(Translator translator) {
      return translator.translate(sourceId, pasid, address, access);
    }
  }

  void machine(long seed) {
    Chance chance = new Chance(seed * 31 + 7);
    try (Arena arena = Arena.ofConfined()) {
      Formats.CachedSample sample = format.cached(seed, options, lastTag, kernels, arena);
      Request[] requests = draw(sample.requests());
      for (int round = 0; round < ROUNDS; round++) {
        sample.copy().restore(sample.memory());
        sample.earlyCopy().restore(sample.memory());
        long before = sample.cached().counters().hits();
        long shorter = shortenedBy(sample.cached());
        boolean going = true;
        for (int i = 0; i < TRANSLATIONS_PER_ROUND && going; i++) {
          Request request = vary(requests[chance.below(REQUESTS)], chance);
          going =
              chance.below(8) == 0
                  ? checkBatch(sample, request, chance, seed, round)
                  : check(sample, request, seed, round);
        }
        hits += sample.cached().counters().hits() - before;
        shortened += shortenedBy(sample.cached()) - shorter;
        for (int i = 1 + chance.below(3); i > 0; i--) {
          change(sample.memory(), chance);
          for (int j = chance.below(12); j > 0; j--) {
            vary(requests[chance.below(REQUESTS)], chance).ask(sample.cached());
            operations++;
          }
        }
        invalidate(sample.iommu(), chance);
        operations += TRANSLATIONS_PER_ROUND + 2;
      }
    }
  }

  private static long shortenedBy(Translator translator) {
    return translator.counters().firstStageHits()
        + translator.counters().secondStageHits()
        + translator.counters().nestedHits();
  }

  private static Request[] draw(Requests source) {
    Request[] requests = new Request[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
      source.next();
      requests[i] =
          new Request(source.sourceId(), source.pasid(), source.address(), source.access());
    }
    return requests;
  }

  /** Asks for the page of a request or one beside it, mostly as a plain read, write or atomic. */
  private static Request vary(Request request, Chance chance) {
    int access = chance.below(8) == 0 ? request.access() : 1 + chance.below(3);
    long address =
        switch (chance.below(4)) {
          case 0 -> request.address() ^ chance.below(4096);
          case 1 -> request.address() ^ (long) chance.below(4) << 12;
          case 2 -> request.address() ^ (long) chance.below(4) << 21;
          default -> request.address();
        };
    return new Request(request.sourceId(), request.pasid(), address, access);
  }

  private static void change(TableMemory memory, Chance chance) {
    TableMemory.Run run = memory.runs().get(0);
    int words = (int) (run.bytes().byteSize() / 8);
    for (int tries = 0; tries < 4000; tries++) {
      long at = chance.below(words) * 8L;
      long word = run.bytes().get(ValueLayout.JAVA_LONG, at);
      if (word != 0) {
        long other = chance.below(4) == 0 ? 0 : word ^ 1L << chance.below(64);
        run.bytes().set(ValueLayout.JAVA_LONG, at, other);
        return;
      }
    }
  }

  /** One of the ways to say that anything may have changed. */
  private void invalidate(Iommu iommu, Chance chance) {
    if (chance.below(4) == 0) {
      iommu.invalidateAll();
    } else if (format == Formats.VTD) {
      iommu.vtdInvalidations().contextGlobal();
      iommu.vtdInvalidations().pasidGlobal();
      if (chance.below(30) != 0) {
        iommu.vtdInvalidations().iotlbGlobal();
      } else {
        for (int domain = 0; domain <= 0xffff; domain++) {
          iommu.vtdInvalidations().iotlbDomain(domain);
        }
      }
    } else {
      iommu.smmuInvalidations().configAll();
      iommu.smmuInvalidations().all();
    }
  }

  /** Compares a batch of addresses near each other with walks of them without caches. */
  private boolean checkBatch(
      Formats.CachedSample sample, Request first, Chance chance, long seed, int round) {
    int count = 1 + chance.below(BATCH);
    Request[] requests = new Request[count];
    long[] iovas = new long[count];
    for (int i = 0; i < count; i++) {
      long address = vary(first, chance).address();
      requests[i] = new Request(first.sourceId(), first.pasid(), address, first.access());
      iovas[i] = address;
    }
    long[] answers = chance.below(4) == 0 ? iovas : new long[count];
    Endpoint endpoint = sample.cached().endpoint(first.sourceId(), first.pasid());
    endpoint.translate(iovas, answers, 0, count, first.access());
    for (int i = 0; i < count; i++) {
      long expected = requests[i].ask(sample.uncached());
      checked++;
      operations++;
      if (answers[i] != expected) {
        if (answers[i] == requests[i].ask(sample.early())) {
          early++;
          return false;
        }
        throw new AssertionError(
            "%s, seed %d, round %d, %d of a batch, %s: %s, expected %s"
                .formatted(
                    format,
                    seed,
                    round,
                    i,
                    requests[i],
                    Translation.describe(answers[i]),
                    Translation.describe(expected)));
      }
    }
    return true;
  }

  /**
   * Compares one answer; false if the round ends here, because a flag that a walk has set lies in
   * what is a configuration structure too, so that the memory changed without an invalidation: then
   * the answer has to be that of the walk at the beginning of the round.
   */
  private boolean check(Formats.CachedSample sample, Request request, long seed, int round) {
    long answer = request.ask(sample.cached());
    long expected = request.ask(sample.uncached());
    checked++;
    String difference = "";
    if (answer != expected) {
      difference = Translation.describe(answer) + ", expected " + Translation.describe(expected);
    } else if (Translation.isFault(answer)) {
      difference =
          Comparison.difference(sample.cached().lastFault(), sample.uncached().lastFault());
    }
    if (difference.isEmpty() && checked % 20 == 0) {
      long at = sample.memory().firstDifference(sample.copy());
      difference = at < 0 ? "" : "memory differs at 0x%x".formatted(at);
    }
    if (!difference.isEmpty() && answer == request.ask(sample.early())) {
      early++;
      return false;
    }
    if (!difference.isEmpty()) {
      throw new AssertionError(
          "%s, seed %d, round %d, source %x pasid %x address %x access %x: %s"
              .formatted(
                  format,
                  seed,
                  round,
                  request.sourceId,
                  request.pasid,
                  request.address,
                  request.access,
                  difference));
    }
    return true;
  }

  public static void main(String[] args) {
    Formats format = Formats.valueOf(args[0]);
    long operations = args.length > 1 ? Long.parseLong(args[1]) : 50_000_000;
    long seed = args.length > 2 ? Long.parseLong(args[2]) : 1_000_000;
    CachedWalks small = new CachedWalks(format, SMALL, FEW_TAGS);
    CachedWalks usual = new CachedWalks(format, CacheOptions.DEFAULT.withCounters(), 1000);
    CachedWalks quiet = new CachedWalks(format, SMALL_QUIET, FEW_TAGS);
    CachedWalks none = new CachedWalks(format, CacheOptions.NONE, 1000);
    CachedWalks own = new CachedWalks(format, SMALL_QUIET, FEW_TAGS, KernelFactory::atOnce);
    CachedWalks[] all = {small, usual, quiet, none, own};
    for (long done = 0; done < operations; seed++) {
      done = 0;
      for (CachedWalks walks : all) {
        walks.machine(seed);
        done += walks.operations;
      }
      if (seed % 1000 == 0) {
        System.err.printf("%d operations%n", done);
      }
    }
    for (CachedWalks walks : all) {
      System.out.printf(
          "%s: %d operations, %d answers equal the walk's, %d of them hits, %d shortened walks%n",
          format, walks.operations, walks.checked, walks.hits, walks.shortened);
    }
  }
}
