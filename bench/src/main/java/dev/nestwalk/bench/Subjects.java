package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** The subjects of the scoreboard: endpoints over tables, and the addresses to translate. */
final class Subjects {
  static final int ADDRESSES = 1 << 14;
  private static final int BATCH = 1024;
  private static final long SEED = 20261124;

  /** {@code count} addresses, a power of two, at random over {@code pages} pages. */
  static long[] addresses(int count, int pages, int stride) {
    Random random = new Random(SEED);
    long[] addresses = new long[count];
    for (int i = 0; i < count; i++) {
      long page = (long) random.nextInt(pages) * stride;
      addresses[i] = Workload.INPUT + page * 4096 + (random.nextInt(4096) & ~7);
    }
    return addresses;
  }

  static MemorySegment copy(long[] addresses, Arena arena) {
    MemorySegment segment = arena.allocate(addresses.length * 8L, 64);
    MemorySegment.copy(addresses, 0, segment, ValueLayout.JAVA_LONG, 0, addresses.length);
    return segment;
  }

  /** Asserts that every address has the right output. */
  static Endpoint checked(Endpoint endpoint, long[] addresses) {
    for (long address : addresses) {
      long answer = endpoint.translate(address, Access.READ);
      long expected = address - Workload.INPUT + Workload.OUTPUT;
      if (Translation.isFault(answer) || Translation.address(answer) != expected) {
        throw new IllegalStateException(
            "0x%x: %s, expected 0x%x".formatted(address, Translation.describe(answer), expected));
      }
    }
    return endpoint;
  }

  /** Asserts the answers of a batch. */
  static void checkedInBatch(Endpoint endpoint, long[] addresses) {
    long[] answers = new long[addresses.length];
    endpoint.translate(addresses, answers, 0, addresses.length, Access.READ);
    for (int i = 0; i < answers.length; i++) {
      if (Translation.address(answers[i]) != addresses[i] - Workload.INPUT + Workload.OUTPUT) {
        throw new IllegalStateException(
            "0x%x: %s".formatted(addresses[i], Translation.describe(answers[i])));
      }
    }
  }

  static Endpoint endpoint(Iommu iommu, CacheOptions options) {
    return iommu.newTranslator(options).endpoint(Workload.SOURCE, -1);
  }

  /** Translates addresses that do not depend on earlier answers. */
  static long independent(Endpoint endpoint, long[] addresses, int operations) {
    return independent(endpoint, addresses, operations, Access.READ);
  }

  static long independent(Endpoint endpoint, long[] addresses, int operations, int access) {
    long sum = 0;
    int mask = addresses.length - 1;
    for (int i = 0; i < operations; i++) {
      sum += endpoint.translate(addresses[i & mask], access);
    }
    return sum;
  }

  /** Translates addresses that each depend on the previous answer. */
  static long dependent(Endpoint endpoint, long[] addresses, int operations) {
    long answer = 0;
    int mask = addresses.length - 1;
    for (int i = 0; i < operations; i++) {
      answer = endpoint.translate(addresses[i & mask] ^ (answer & 8), Access.READ);
    }
    return answer;
  }

  /** Translates as {@link #independent} does, in batches. */
  static long batches(Endpoint endpoint, long[] addresses, long[] answers, int operations) {
    return batches(endpoint, addresses, answers, operations, Access.READ);
  }

  static long batches(
      Endpoint endpoint, long[] addresses, long[] answers, int operations, int access) {
    for (int done = 0; done < operations; done += BATCH) {
      int from = done & addresses.length - 1;
      endpoint.translate(addresses, answers, from, BATCH, access);
    }
    return answers[0];
  }

  /**
   * Page-table entries read per walk or miss, counted by the code that is timed, once, with caches
   * as warm as one pass leaves them. Without caches every translation is a walk.
   */
  static double references(
      Iommu iommu, CacheOptions options, long[] addresses, int access, boolean batch) {
    Translator translator = iommu.newTranslator(options.withCounters());
    Endpoint endpoint = translator.endpoint(Workload.SOURCE, -1);
    long[] answers = new long[addresses.length];
    for (int pass = 0; pass < 2; pass++) {
      translator.counters().reset();
      if (batch) {
        batches(endpoint, addresses, answers, addresses.length, access);
      } else {
        independent(endpoint, addresses, addresses.length, access);
      }
    }
    long walks = addresses.length - translator.counters().hits();
    return walks == 0 ? 0 : translator.counters().references() / (double) walks;
  }

  /** Translates with endpoints that take turns. */
  static long interleaved(Endpoint[] endpoints, long[] addresses, int operations) {
    long sum = 0;
    int mask = addresses.length - 1;
    int turn = endpoints.length - 1;
    for (int i = 0; i < operations; i++) {
      sum += endpoints[i & turn].translate(addresses[i & mask], Access.READ);
    }
    return sum;
  }

  static Endpoint[] endpoints(Translator translator, int count) {
    Endpoint[] endpoints = new Endpoint[count];
    for (int i = 0; i < count; i++) {
      endpoints[i] = translator.endpoint(Workload.SOURCE + i, -1);
    }
    return endpoints;
  }

  private Subjects() {}
}
