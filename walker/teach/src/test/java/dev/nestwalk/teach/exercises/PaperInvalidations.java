package dev.nestwalk.teach.exercises;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Answers about invalidations, from a model of what each drops. */
final class PaperInvalidations {
  private static final Pattern TABLES =
      Pattern.compile(
          "(first stage|second stage|stage 1|stage 2), (?:domain|VMID) 0x([0-9a-f]+)"
              + "(?:, ASID 0x([0-9a-f]+))?");

  /** A cached translation: who translated which page, and what tags it. */
  private record Cached(
      String requester, boolean first, long major, long minor, String source, long page) {
    String label() {
      return requester + " at 0x" + Long.toHexString(page);
    }
  }

  /** A pattern for hexadecimal numbers between words, as the options write them. */
  private static long number(String text, String name) {
    Matcher matcher = Pattern.compile(name + " 0x([0-9a-f]+)").matcher(text);
    if (!matcher.find()) {
      throw new AssertionError("no " + name + " in " + text);
    }
    return Long.parseLong(matcher.group(1), 16);
  }

  private static List<Cached> cached(Exercise e) {
    List<Cached> all = new ArrayList<>();
    String pages =
        e.facts().stream()
            .filter(fact -> fact.name().equals("cached for each of them"))
            .findFirst()
            .orElseThrow()
            .shown();
    for (Fact fact : e.facts()) {
      Matcher tables = TABLES.matcher(fact.shown());
      if (tables.matches()) {
        boolean first = tables.group(1).contains("first") || tables.group(1).endsWith("1");
        String name = fact.name();
        String asid = tables.group(3);
        long minor =
            asid != null
                ? Long.parseLong(asid, 16)
                : name.contains("PASID") ? number(name, "PASID") : -1;
        for (String page : pages.split(", ", -1)) {
          all.add(
              new Cached(
                  name,
                  first,
                  Long.parseLong(tables.group(2), 16),
                  minor,
                  name.replaceFirst(" PASID.*", ""),
                  Long.decode(page)));
        }
      }
    }
    return all;
  }

  /** Whether an invalidation, by its name, drops a cached translation. */
  private static boolean drops(String name, Cached item) {
    String kind = name.replaceFirst(":.*", "");
    boolean domain = name.contains("domain 0x") && number(name, "domain") == item.major;
    boolean vmid = name.contains("VMID 0x") && number(name, "VMID") == item.major;
    boolean pasid = name.contains("PASID 0x") && number(name, "PASID") == item.minor;
    boolean asid =
        name.contains("ASID 0x") && name.contains(", ASID") && number(name, ", ASID") == item.minor;
    boolean page =
        name.contains(", 0x%x".formatted(item.page))
            || name.contains(": 0x%x,".formatted(item.page));
    boolean stream =
        name.contains("stream 0x")
            && item.source.equals("stream 0x%x".formatted(number(name, "stream")));
    if (kind.startsWith("IOTLB, page-selective within domain")) {
      return domain && !item.first && page;
    }
    return switch (kind) {
      case "IOTLB, global",
          "CMD_TLBI_NSNH_ALL",
          "context-cache, global",
          "PASID-cache, global",
          "CMD_CFGI_ALL" ->
          true;
      case "IOTLB, domain-selective", "PASID-cache, domain-selective" -> domain;
      case "PASID-based IOTLB, PASID-selective", "PASID-cache, PASID-selective" ->
          domain && item.first && pasid;
      case "PASID-based IOTLB, page-selective" -> domain && item.first && pasid && page;
      case "context-cache, device-selective" -> name.endsWith(": " + item.source);
      case "CMD_TLBI_NH_ALL" -> vmid && item.first;
      case "CMD_TLBI_NH_ASID" -> vmid && item.first && asid;
      case "CMD_TLBI_NH_VA" -> vmid && item.first && asid && page;
      case "CMD_TLBI_S12_VMALL" -> vmid;
      case "CMD_TLBI_S2_IPA" -> vmid && !item.first && page;
      case "CMD_CFGI_STE" -> stream;
      case "CMD_CFGI_CD" -> stream && item.first;
      default -> throw new AssertionError(name);
    };
  }

  static Object solve(Exercise e) {
    return switch (e.kind()) {
      case SMALLEST_INVALIDATION, CONFIGURATION_INVALIDATION -> smallest(e);
      case WHAT_IS_DROPPED -> dropped(e);
      case DESCRIPTOR_WORD -> encoded(e);
      case ADDRESS_MASK -> {
        long mask = 0;
        long first = e.fact("first page") >> 12;
        long last = e.fact("last page") >> 12;
        // Halve the addresses until one aligned block holds both.
        while (first != last) {
          first /= 2;
          last /= 2;
          mask++;
        }
        yield mask;
      }
      case RANGE_COMMAND -> Math.ceilDiv(e.fact("pages of 4K"), 1L << e.fact("SCALE")) - 1;
      default -> throw new IllegalArgumentException(e.kind().toString());
    };
  }

  private static boolean isNeeded(Exercise e, Cached item) {
    String what =
        e.facts().stream()
            .filter(f -> f.name().equals("what changed"))
            .findFirst()
            .orElseThrow()
            .shown();
    if (e.kind() == Kind.CONFIGURATION_INVALIDATION) {
      String who = what.replaceFirst("the (context entry|PASID table entry|STE|CD) of ", "");
      return item.requester.equals(who) || item.source.equals(who);
    }
    String whose =
        e.facts().stream()
            .filter(fact -> fact.name().equals("tables that changed"))
            .findFirst()
            .orElseThrow()
            .shown()
            .replaceFirst("those of ", "");
    Cached owner =
        cached(e).stream().filter(c -> c.requester.equals(whose)).findFirst().orElseThrow();
    boolean page = what.equals("all of it") || what.endsWith(" 0x%x".formatted(item.page));
    return item.major == owner.major && item.minor == owner.minor && page;
  }

  /** Of the options that drop all that is needed the one that drops least, which must be one. */
  private static String smallest(Exercise e) {
    List<Cached> all = cached(e);
    List<Cached> needed = all.stream().filter(item -> isNeeded(e, item)).toList();
    List<String> options = ((Answer.Choice) e.answer()).options();
    List<String> fitting =
        options.stream()
            .filter(option -> needed.stream().allMatch(item -> drops(option, item)))
            .sorted(Comparator.comparingLong(option -> count(option, all)))
            .toList();
    if (needed.isEmpty() || fitting.isEmpty()) {
      throw new AssertionError("nothing suffices: " + e);
    }
    if (fitting.size() > 1 && count(fitting.get(0), all) == count(fitting.get(1), all)) {
      throw new AssertionError(fitting + " are equally small: " + e);
    }
    return fitting.get(0);
  }

  private static long count(String option, List<Cached> all) {
    return all.stream().filter(item -> drops(option, item)).count();
  }

  /** Decodes the words and applies them, by the formats' encodings. */
  private static Set<String> dropped(Exercise e) {
    Set<String> dropped = new TreeSet<>();
    for (Cached item : cached(e)) {
      if (e.format() == Format.VTD ? vtdDrops(e, item) : armDrops(e, item)) {
        dropped.add(item.label());
      }
    }
    return dropped;
  }

  private static boolean vtdDrops(Exercise e, Cached item) {
    long low = e.fact("descriptor, bits 63:0");
    long high = e.fact("descriptor, bits 127:64");
    boolean domain = (low >> 16 & 0xffff) == item.major;
    boolean page = high >>> 12 + (high & 63) == item.page >>> 12 + (high & 63);
    boolean pasid = item.first && (low >> 32 & 0xf_ffff) == item.minor;
    return switch ((int) low & 0x3f) {
      case 0x12 -> true;
      case 0x22 -> domain;
      case 0x32 -> domain && !item.first && page;
      case 0x26 -> domain && pasid;
      case 0x36 -> domain && pasid && page;
      default -> throw new AssertionError(e.toString());
    };
  }

  private static boolean armDrops(Exercise e, Cached item) {
    long w0 = e.fact("command, word 0");
    long w1 = e.fact("command, word 1");
    boolean vmid = (w0 >> 32 & 0xffff) == item.major;
    boolean asid = item.first && w0 >>> 48 == item.minor;
    boolean page = w1 >>> 12 == item.page >>> 12;
    return switch ((int) w0 & 0xff) {
      case 0x30 -> true;
      case 0x10 -> vmid && item.first;
      case 0x11 -> vmid && asid;
      case 0x12 -> vmid && asid && page;
      case 0x28 -> vmid;
      case 0x2a -> vmid && !item.first && page;
      default -> throw new AssertionError(e.toString());
    };
  }

  private static long encoded(Exercise e) {
    String name = e.facts().get(0).shown();
    if (e.format() == Format.VTD) {
      long word = name.startsWith("PASID-based") ? 6 : 2;
      word += name.contains("page-selective") ? 0x30 : 0x20;
      word += number(name, "domain") << 16;
      return name.contains("PASID 0x") ? word + (number(name, "PASID") << 32) : word;
    }
    long opcode =
        switch (name.replaceFirst(":.*", "")) {
          case "CMD_TLBI_NH_ALL" -> 0x10;
          case "CMD_TLBI_NH_ASID" -> 0x11;
          case "CMD_TLBI_NH_VA" -> 0x12;
          case "CMD_TLBI_S12_VMALL" -> 0x28;
          case "CMD_TLBI_S2_IPA" -> 0x2a;
          default -> throw new AssertionError(name);
        };
    long word = opcode + (number(name, "VMID") << 32);
    return name.contains(", ASID") ? word + (number(name, ", ASID") << 48) : word;
  }

  private PaperInvalidations() {}
}
