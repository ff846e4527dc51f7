package dev.nestwalk.teach.decode;

import dev.nestwalk.format.Listing;
import dev.nestwalk.teach.Structures;
import dev.nestwalk.vtd.PasidTableEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The table entries that Linux (5.18 and newer, CONFIG_DMAR_DEBUG) prints after a fault of VT-d:
 * root, context and PASID entries, and the entry of each level of the page tables.
 */
final class TableDump {
  private static final String WORD = "0x([0-9a-fA-F]{16})";
  private static final Pattern BEGIN =
      Pattern.compile(
          "DMAR: Dump (\\S{1,20}) table entries for IOVA 0x([0-9a-fA-F]{1,16}+)" + Digits.END);
  private static final Pattern TWO =
      Pattern.compile(
          "DMAR: (scalable mode root|context) entry: hi " + WORD + ", low " + WORD + "\\s*$");
  private static final Pattern ONE =
      Pattern.compile("DMAR: (root entry|pasid dir entry): " + WORD + "\\s*$");
  private static final Pattern PASID =
      Pattern.compile("DMAR: pasid table entry\\[([0-7])\\]: " + WORD + "\\s*$");
  private static final Pattern PAGE =
      Pattern.compile("DMAR: pte level: ([1-5]), pte value: " + WORD + "\\s*$");
  private static final Pattern ABSENT =
      Pattern.compile(
          "DMAR: ((?:root table|context table|pasid directory table|pasid table|(?:legacy|scalable)"
              + " mode page table|(?:root|context) table entry|pasid (?:directory|table) entry) is"
              + " not present|page table not present at level [0-4])\\s*$");

  private static final int PASID_WORDS = 8;
  private static final long PAGE_SIZE = 1L << 7;

  /** Most entries that one walk has: root, context, PASID directory and table, five levels. */
  private static final int MOST_ENTRIES = 9;

  private final List<Finding.FieldValue> fields = new ArrayList<>();
  private final long[] pasid = new long[PASID_WORDS];
  private String begin = "";
  private String end = "";
  private boolean scalable;
  private boolean first;
  private int pasidWords;
  private int entries;

  /** Takes a line; false if it is not part of a dump. */
  boolean line(String line) {
    Matcher of = BEGIN.matcher(line);
    Matcher two = TWO.matcher(line);
    Matcher one = ONE.matcher(line);
    Matcher word = PASID.matcher(line);
    Matcher page = PAGE.matcher(line);
    Matcher absent = ABSENT.matcher(line);
    if (of.find()) {
      begin = "tables of %s for 0x%s, printed after the fault".formatted(of.group(1), of.group(2));
    } else if (two.find()) {
      boolean root = two.group(1).endsWith("root");
      scalable |= root;
      String mode = scalable ? "scalable-mode-" : "";
      entry(mode + (root ? "root-entry" : "context-entry"), value(two, 3), value(two, 2));
    } else if (one.find()) {
      boolean root = one.group(1).startsWith("root");
      entry(root ? "root-entry" : "pasid-directory-entry", value(one, 2));
    } else if (word.find()) {
      pasidWord(word);
    } else if (page.find()) {
      long entry = value(page, 2);
      entry(pageEntry(Integer.parseInt(page.group(1)), entry), entry);
    } else if (absent.find()) {
      end = absent.group(1);
    } else {
      return false;
    }
    return true;
  }

  /** Whether a line was taken. */
  boolean isBegun() {
    return !begin.isEmpty() || !end.isEmpty() || !fields.isEmpty();
  }

  private static long value(Matcher matcher, int group) {
    return Long.parseUnsignedLong(matcher.group(group), 16);
  }

  private void pasidWord(Matcher word) {
    pasid[Integer.parseInt(word.group(1))] = value(word, 2);
    if (++pasidWords == PASID_WORDS) {
      first = PasidTableEntry.PGTT.get(pasid[0]) == 1;
      entry("pasid-table-entry", pasid);
    }
  }

  /** The structure of a page table entry of a level. */
  private String pageEntry(int level, long entry) {
    String stage = first ? "first-stage-" : "second-stage-";
    if (level >= 4) {
      return stage + "pml5e-pml4e";
    }
    if (level == 1) {
      return stage + "pte";
    }
    boolean leaf = (entry & PAGE_SIZE) != 0;
    String page = level == 2 ? "pde-2-mib-page" : "pdpe-1-gib-page";
    return stage + (leaf ? page : "pdpe-pde-table");
  }

  private void entry(String id, long... words) {
    if (entries++ >= MOST_ENTRIES) {
      return;
    }
    Listing listing = Structures.find(id);
    StringBuilder value = new StringBuilder();
    for (long word : words) {
      value.append(value.isEmpty() ? "" : " ").append("0x%016x".formatted(word));
    }
    String name = listing.structure().name();
    String bits = "%d:0".formatted(listing.structure().words() * 64 - 1);
    fields.add(new Finding.FieldValue(bits, name, value.toString(), listing.structure().section()));
    Records.fields(listing, words).stream()
        .filter(field -> !field.name().equals("ignored"))
        .forEach(fields::add);
  }

  /** Adds what the dump says to the fault that it follows. */
  void addTo(Finding.Builder finding) {
    if (!isBegun()) {
      return;
    }
    finding.fact("dump", begin.isEmpty() ? "tables, printed after the fault" : begin);
    finding.fields(fields);
    if (!end.isEmpty()) {
      finding.note("Linux's walk of the tables: " + end);
    }
    finding.note(
        "Linux reads the entries after the fault: a driver may have changed them meanwhile");
  }
}
