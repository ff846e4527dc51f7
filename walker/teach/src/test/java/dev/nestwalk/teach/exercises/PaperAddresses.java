package dev.nestwalk.teach.exercises;

import java.util.List;
import java.util.function.LongPredicate;

/** Answers about addresses, tables and lookups, by arithmetic on what the sheet gives. */
final class PaperAddresses {
  private static final long POINTER = 0x000f_ffff_ffff_f000L;

  /** A number for a value, the option's text for a choice. */
  static Object solve(Exercise e) {
    return switch (e.kind()) {
      case TABLE_INDEX -> only(e).index(e.fact("input address"), level(e));
      case ENTRY_ADDRESS ->
          e.fact("table of that level") + 8 * only(e).index(e.fact("input address"), level(e));
      case NEXT_TABLE -> only(e).addressIn(e.fact("entry"), level(e), false);
      case LEAF_OUTPUT ->
          only(e).addressIn(e.fact("entry"), level(e), true)
              + offset(e.fact("input address"), only(e).shift(level(e)));
      case WHICH_ADDRESS -> whichAddress(e);
      case CANONICAL_ADDRESS -> canonical(e);
      case WIDEST_ADDRESS -> {
        long width = Math.min(only(e).bits(), e.fact("CAP.MGAW") + 1);
        yield (1L << width) - 1;
      }
      case START_LEVEL -> (long) only(e).start();
      case CONCATENATED_TABLES -> {
        PaperStage stage = only(e);
        int most = stage.granule() - 3;
        int left = stage.bits() - stage.shift(stage.start());
        yield left > most ? 1L << left - most : 1L;
      }
      case START_TABLE_SIZE -> 8L << only(e).bits() - only(e).shift(only(e).start());
      case WHICH_RANGE -> whichRange(e);
      case RANGE_LIMIT ->
          e.gives("T1SZ") ? ~(-1L >>> (int) e.fact("T1SZ")) : -1L >>> (int) e.fact("T0SZ");
      case WHICH_GRANULE -> granule(e);
      case CONTEXT_ENTRY -> contextEntry(e);
      case DIRECTORY_ENTRY -> e.fact("PASIDDIRPTR") + e.fact("PASID") / 64 * 8;
      case PASID_ENTRY -> {
        long entry = word(e, e.fact("PASIDDIRPTR") + e.fact("PASID") / 64 * 8);
        yield (entry & POINTER) + e.fact("PASID") % 64 * 64;
      }
      case PASID_LIMIT -> {
        long pdts = e.fact("context entry, word 0") >> 9 & 7;
        yield (1L << Math.min(13 + pdts, e.fact("ECAP.PSS") + 1)) - 1;
      }
      case STREAM_ENTRY -> streamEntry(e);
      case STREAM_SPAN -> {
        long first = e.fact("index at level 1") << e.fact("STRTAB_BASE_CFG.SPLIT");
        yield first + (1L << (e.fact("level 1 descriptor") & 31) - 1) - 1;
      }
      case CONTEXT_DESCRIPTOR -> contextDescriptor(e);
      case SUBSTREAM_RULE -> substream(e);
      case WHICH_STAGES -> stages(e);
      default -> throw new IllegalArgumentException(e.kind().toString());
    };
  }

  /** The stage that the sheet describes. */
  static PaperStage only(Exercise e) {
    return PaperStage.of(e, PaperStage.gives(e, 1) ? 1 : 2);
  }

  private static int level(Exercise e) {
    return (int) e.fact("level");
  }

  private static long offset(long address, int bits) {
    return address & (1L << bits) - 1;
  }

  private static long word(Exercise e, long address) {
    Long word = e.memory().get(address);
    if (word == null) {
      throw new AssertionError("the sheet does not show 0x" + Long.toHexString(address));
    }
    return word;
  }

  private static long whichAddress(Exercise e) {
    PaperStage stage = only(e);
    long address = e.gives("T1SZ") ? -1L << stage.bits() : 0;
    address += e.fact("offset");
    for (Fact fact : e.facts()) {
      if (fact.name().startsWith("index at level ")) {
        int level = Integer.parseInt(fact.name().substring("index at level ".length()));
        address += fact.value() << stage.shift(level);
      }
    }
    return address;
  }

  private static List<String> options(Exercise e) {
    return ((Answer.Choice) e.answer()).options();
  }

  /** The only option, a number, of which something is true. */
  private static String onlyOne(Exercise e, LongPredicate test) {
    List<String> fitting =
        options(e).stream()
            .filter(option -> test.test(Long.parseUnsignedLong(option.substring(2), 16)))
            .toList();
    if (fitting.size() != 1) {
      throw new AssertionError(fitting + " all answer " + e);
    }
    return fitting.get(0);
  }

  private static String canonical(Exercise e) {
    int spare = 64 - only(e).bits();
    return onlyOne(e, address -> address << spare >> spare == address);
  }

  private static String whichRange(Exercise e) {
    long address = e.fact("input address");
    boolean lower = Long.numberOfLeadingZeros(address) >= e.fact("T0SZ");
    boolean upper = Long.numberOfLeadingZeros(~address) >= e.fact("T1SZ");
    return options(e).get(lower ? 0 : upper ? 1 : 2);
  }

  private static String granule(Exercise e) {
    boolean upper = e.fact("input address") < 0;
    long word = e.fact("CD word 0");
    return upper
        ? new String[] {"", "16K", "4K", "64K"}[(int) (word >> 22 & 3)]
        : new String[] {"4K", "64K", "16K", ""}[(int) (word >> 6 & 3)];
  }

  private static long contextEntry(Exercise e) {
    long source = e.fact("requester");
    long function = source & 255;
    long root = e.fact("root table") + (source >> 8) * 16;
    if (e.fact("mode") == 0) {
      return (word(e, root) & POINTER) + function * 16;
    }
    return (word(e, root + function / 128 * 8) & POINTER) + function % 128 * 32;
  }

  private static long streamEntry(Exercise e) {
    long split = e.fact("STRTAB_BASE_CFG.SPLIT");
    long stream = e.fact("StreamID");
    long descriptor = word(e, e.fact("STRTAB_BASE.ADDR") + (stream >> split) * 8);
    return (descriptor & 0x000f_ffff_ffff_ffc0L) + stream % (1L << split) * 64;
  }

  private static long contextDescriptor(Exercise e) {
    long word = e.fact("STE, word 0");
    long pointer = word & 0x000f_ffff_ffff_ffc0L;
    long substream = e.fact("SubstreamID");
    long format = word >> 4 & 3;
    if (format == 0) {
      return pointer + 64 * substream;
    }
    long leafSize = format == 1 ? 64 : 1024;
    return (word(e, pointer + 8 * (substream / leafSize)) & POINTER) + 64 * (substream % leafSize);
  }

  private static String substream(Exercise e) {
    long count = 1L << (e.fact("STE, word 0") >>> 59);
    long rule = e.fact("STE, word 1") & 3;
    long asked = e.fact("SubstreamID");
    int right;
    if (asked < 0) {
      right = rule == 0 ? 3 : rule == 1 ? 2 : 0;
    } else if (asked >= count) {
      right = 4;
    } else if (asked == 0) {
      right = rule == 2 ? 3 : 0;
    } else {
      right = 1;
    }
    return options(e).get(right);
  }

  private static String stages(Exercise e) {
    if (e.format() == Format.VTD) {
      int type = (int) (e.fact("PASID table entry, word 0") >> 6 & 7);
      return options(e).get(type - 1);
    }
    int config = (int) (e.fact("STE, word 0") >> 1 & 7);
    return options(e).get(new int[] {3, 0, 1, 2}[config - 4]);
  }

  private PaperAddresses() {}
}
