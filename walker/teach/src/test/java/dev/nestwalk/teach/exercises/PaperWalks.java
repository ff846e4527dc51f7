package dev.nestwalk.teach.exercises;

import java.util.List;
import java.util.Locale;

/** Answers about walks, their costs, their faults and flags, on paper. */
final class PaperWalks {
  private static final int WRITE = 2;

  /** A number for a value, the option's text for a choice. */
  static Object solve(Exercise e) {
    return switch (e.kind()) {
      case OUTPUT_ADDRESS, NESTED_OUTPUT, WIDE_OUTPUT, BIG_ENDIAN_OUTPUT ->
          PaperWalk.of(e, 0).output();
      case PAGE_SIZE -> PaperWalk.of(e, 0).size();
      case RIGHTS -> options(e).get(PaperWalk.of(e, 0).rights());
      case INTERMEDIATE_ADDRESS -> intermediate(e);
      case GUEST_TABLE ->
          PaperWalk.of(e, 0).reads().stream()
              .filter(read -> read.stage() == 1 && read.level() == e.fact("level"))
              .findFirst()
              .orElseThrow()
              .host();
      case NESTED_SPAN -> smallest(e, " page");
      case IOTLB_REACH -> smallest(e, " pages") * e.fact("IOTLB entries");
      case READS_SINGLE -> (long) PaperAddresses.only(e).reads(e.fact("page"));
      case READS_NESTED -> readsNested(e);
      case READS_CONFIGURATION -> configuration(e);
      case TABLES_NEEDED -> tables(e);
      case IOTLB_ENTRIES -> entries(e.fact("first byte"), e.fact("first byte") + e.fact("bytes"));
      case WHICH_FAULT, FAULT_PRIORITY -> named(e, PaperWalk.of(e).fault());
      case FAULT_LEVEL -> (long) PaperWalk.of(e).last().level();
      case FAULT_PLACE -> place(e);
      case EVENT_CLASS -> options(e).get(PaperWalk.of(e).kind());
      case REPAIR_WORD -> repairWord(e);
      case WORD_AFTER -> after(e, e.fact("leaf before"), true);
      case WORDS_CHANGED -> {
        List<PaperWalk.Read> reads = PaperWalk.of(e, 0).reads();
        yield reads.stream()
            .filter(read -> after(e, read.word(), read.equals(reads.getLast())) != read.word())
            .count();
      }
      case ATS_REPLY -> completion(e);
      case ATS_ADDRESS -> {
        long size = e.fact("translation holds for");
        long block = e.fact("output address of the request") / size * size;
        // Ones from bit 12 up to below half the size.
        yield size == 4096 ? block : block + size / 2 - 4096;
      }
      default -> throw new IllegalArgumentException(e.kind().toString());
    };
  }

  private static String completion(Exercise e) {
    boolean served =
        e.facts().stream()
            .filter(fact -> fact.name().matches("STE.EATS|context entry, (TT|DTE)"))
            .anyMatch(fact -> fact.value() == 1);
    if (!served) {
      return "Unsupported Request";
    }
    PaperWalk walk = PaperWalk.of(e, 0);
    int granted = walk.fault() == 0 ? walk.rights() : 0;
    // An SMMUv3 heeds the flag in updates of dirty state alone (IHI 0070, 3.9.1).
    boolean withheld = e.format() == Format.VTD && e.fact("No Write flag") == 1;
    return switch (withheld ? granted & 1 : granted) {
      case 3 -> "success: read and write";
      case 2 -> "success: write only";
      case 1 -> "success: read only";
      default -> "success without rights";
    };
  }

  private static List<String> options(Exercise e) {
    return ((Answer.Choice) e.answer()).options();
  }

  private static long intermediate(Exercise e) {
    PaperStage first = PaperStage.of(e, 1);
    Fact last =
        e.facts().stream().filter(f -> f.name().startsWith("last entry")).findFirst().orElseThrow();
    int level = last.name().charAt(last.name().length() - 1) - '0';
    long offset = e.fact("input address") & (1L << first.shift(level)) - 1;
    return first.addressIn(last.value(), level, true) | offset;
  }

  private static long smallest(Exercise e, String what) {
    return e.facts().stream()
        .filter(fact -> fact.name().contains(what))
        .mapToLong(Fact::value)
        .min()
        .orElseThrow();
  }

  private static long readsNested(Exercise e) {
    PaperStage first = PaperStage.of(e, 1);
    PaperStage second = PaperStage.of(e, 2);
    boolean vtd = e.format() == Format.VTD;
    String one = vtd ? "first stage" : "stage 1";
    String two = vtd ? "second stage" : "stage 2";
    long firsts = first.reads(e.fact(one + " page"));
    long tables = second.reads(e.fact(two + " pages that hold the first stage's tables"));
    long data = second.reads(e.fact(two + " page that holds the data"));
    return (firsts + 1) * (tables + 1) - 1 + (data - tables);
  }

  private static long configuration(Exercise e) {
    if (e.format() == Format.VTD) {
      // Root and context; in scalable mode PASID directory and PASID table as well.
      return e.fact("mode") == 0 ? 2 : 4;
    }
    long reads = e.fact("stream table");
    boolean first = e.fact("stages") != 2;
    reads += first ? 1 : 0;
    if (e.fact("stages") == 3) {
      reads += PaperStage.of(e, 2).reads(e.fact("stage 2 page that holds the CD"));
    }
    return reads;
  }

  private static long tables(Exercise e) {
    PaperStage stage = PaperAddresses.only(e);
    long last = e.fact("first page") + 4096 * e.fact("pages of 4K") - 1;
    long count = 1;
    for (int level = stage.start(); !stage.isLast(level); level = stage.next(level)) {
      // Every entry of this level that the pages use has a table below it.
      long size = 1L << stage.shift(level);
      count += last / size - e.fact("first page") / size + 1;
    }
    return count;
  }

  /** Pages of 4K, 2M and 1G between two addresses, counted from both ends inwards. */
  private static long entries(long from, long to) {
    long entries = 0;
    long low = from;
    long high = to;
    for (long size = 4096; size < 1L << 30; size <<= 9) {
      long larger = size << 9;
      while (low % larger != 0 && low < high) {
        low += size;
        entries++;
      }
      while (high % larger != 0 && low < high) {
        high -= size;
        entries++;
      }
    }
    return entries + (high - low) / (1L << 30);
  }

  /** The option that names a fault code, which only one may. */
  private static String named(Exercise e, int code) {
    String number = "(0x%02x)".formatted(code);
    List<String> fitting = options(e).stream().filter(o -> o.contains(number)).toList();
    if (fitting.size() != 1) {
      throw new AssertionError(number + " in " + e);
    }
    return fitting.get(0);
  }

  private static String place(Exercise e) {
    PaperWalk.Read last = PaperWalk.of(e).last();
    boolean vtd = e.format() == Format.VTD;
    String stage =
        vtd
            ? last.stage() == 1 ? "first stage" : "second stage"
            : "stage %d".formatted(last.stage());
    return last.stage() == 1 ? stage + ", entry of level " + last.level() : stage + last.purpose();
  }

  private static long repairWord(Exercise e) {
    PaperWalk walk = PaperWalk.of(e, 0);
    PaperWalk.Read last = walk.last();
    PaperStage stage = PaperStage.of(e, last.stage());
    long page = stage.addressIn(last.word(), last.level(), true);
    long size = 1L << stage.shift(last.level());
    return last.word() - page + (e.fact("wanted output") & -size);
  }

  /** An entry after an access that was served (VT-d 3.6.2, 3.7.2; SMMUv3 3.13). */
  private static long after(Exercise e, long word, boolean leaf) {
    boolean write = e.fact("access") == WRITE;
    boolean first = e.fact("stage") == 1;
    if (e.format() == Format.VTD) {
      if (!first) {
        boolean on = e.fact("SSADE") == 1;
        return on ? word | 0x100 | (write && leaf ? 0x200 : 0) : word;
      }
      long used = word | 0x20 | (e.fact("EAFE") == 1 ? 0x400 : 0);
      return write && leaf ? used | 0x40 : used;
    }
    String stage = first ? "CD." : "STE.S2";
    if (!leaf || e.fact(stage + "HA") == 0) {
      return word;
    }
    long used = word | 1L << 10;
    boolean becomesDirty = write && e.fact(stage + "HD") == 1 && (word >>> 51 & 1) == 1;
    return becomesDirty ? first ? used & ~0x80L : used | 0x80 : used;
  }

  /** Whether a request of {@link Kind#REFUSED_REQUEST} is refused, by the formats' rules. */
  static boolean isRefused(Exercise e, String request) {
    String text = request.toLowerCase(Locale.ROOT);
    boolean privileged = text.startsWith("privileged");
    boolean write = text.endsWith("write");
    boolean execute = text.endsWith("execute");
    long leaf =
        e.facts().stream()
            .filter(f -> f.name().startsWith("leaf"))
            .findFirst()
            .orElseThrow()
            .value();
    if (e.format() == Format.VTD) {
      boolean user = (leaf >> 2 & 1) == 1;
      boolean readOnly = (leaf >> 1 & 1) == 0;
      boolean fetchable = !(leaf < 0 && e.fact("NXE") == 1);
      if (!privileged) {
        return !user || write && readOnly || execute && !fetchable;
      }
      boolean smep = user && e.fact("SMEP") == 1;
      return write && readOnly && e.fact("WPE") == 1 || execute && (!fetchable || smep);
    }
    boolean user = (leaf >> 6 & 1) == 1;
    boolean readOnly = (leaf >> 7 & 1) == 1;
    boolean wxn = e.fact("CD.WXN") == 1;
    boolean never = (leaf >> (privileged ? 53 : 54) & 1) == 1;
    boolean barred = privileged && user && e.fact("CD.PAN") == 1;
    if (execute) {
      boolean writableToMe = !readOnly && (privileged ? !barred : user);
      boolean writableToUser = privileged && user && !readOnly;
      return never || writableToUser || wxn && writableToMe;
    }
    return privileged ? barred || write && readOnly : !user || write && readOnly;
  }

  private PaperWalks() {}
}
