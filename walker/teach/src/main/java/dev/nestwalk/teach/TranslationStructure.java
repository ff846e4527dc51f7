package dev.nestwalk.teach;

import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.PasidDirectoryEntry;
import dev.nestwalk.vtd.RootEntry;
import dev.nestwalk.vtd.RootTableAddress;
import dev.nestwalk.vtd.ScalableContextEntry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Compares Linux's {@code dmar_translation_struct} (debugfs) with an image. The text has a line per
 * function (and PASID) with its root, context and PASID table entry, high word first. Since the
 * kernel walked its tables to print it, the comparison checks the walks of this library.
 */
public final class TranslationStructure {
  private static final long LARGEST = 64L << 20;
  private static final String WORD = "0x([0-9a-fA-F]{1,16})";
  private static final Pattern ROOT = Pattern.compile("IOMMU (\\w+): Root Table Address: " + WORD);
  private static final Pattern LINE =
      Pattern.compile(
          "^([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\\.([0-7])\\s+%1$s:%1$s\\s+%1$s:%1$s".formatted(WORD)
              + "(?:\\s+(-?[0-9]{1,7})\\s+%1$s:%1$s:%1$s)?\\s*$".formatted(WORD));

  /**
   * The result of a comparison.
   *
   * @param agreed number of lines whose entries equal those of the image
   * @param differences one line each
   */
  public record Result(int agreed, List<String> differences) {
    /** Copies the list. */
    public Result {
      differences = List.copyOf(differences);
    }
  }

  private final GuestMemory memory;
  private final long root;
  private final boolean scalable;
  private final List<String> differences = new ArrayList<>();
  private final Set<Integer> sources = new HashSet<>();
  private int agreed;

  private TranslationStructure(GuestMemory memory, long rtaddr) {
    this.memory = memory;
    root = rtaddr & RootTableAddress.RTA.mask();
    scalable = RootTableAddress.TTM.get(rtaddr) == 1;
  }

  /**
   * Compares a text with an image.
   *
   * @param endpoints the endpoints found in the image
   * @throws InputException if the image is not one of VT-d, or the text has no entry of its unit
   */
  public static Result compare(
      Path file, Image image, GuestMemory memory, List<Endpoint> endpoints) {
    if (!image.isVtd()) {
      throw new InputException(file + ": dmar_translation_struct is VT-d's, the image is SMMUv3's");
    }
    TranslationStructure structure =
        new TranslationStructure(memory, image.registers().getOrDefault("RTADDR", 0L));
    structure.read(file);
    for (Endpoint endpoint : endpoints) {
      if (structure.sources.add(endpoint.sourceId())) {
        structure.differences.add(
            "%s: the image has a context, the text has none"
                .formatted(Numbers.bdf(endpoint.sourceId())));
      }
    }
    return new Result(structure.agreed, structure.differences);
  }

  private void read(Path file) {
    List<String> lines;
    try {
      if (Files.size(file) > LARGEST) {
        throw new InputException(file + ": expected a dmar_translation_struct below 64 MiB");
      }
      lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + IoReason.of(e) + ")");
    }
    boolean mine = true;
    int entries = 0;
    for (String line : lines) {
      Matcher head = ROOT.matcher(line);
      Matcher entry = LINE.matcher(line.strip());
      if (head.find()) {
        mine = (Long.parseUnsignedLong(head.group(2), 16) & RootTableAddress.RTA.mask()) == root;
      } else if (entry.matches() && mine) {
        entries++;
        entry(entry);
      }
    }
    if (entries == 0) {
      throw new InputException(
          "%s: no entry of the unit whose root table is at 0x%x, expected lines of"
                  .formatted(file, root)
              + " dmar_translation_struct");
    }
  }

  private long word(long address) {
    int run = memory.find(address);
    return run < 0 ? 0 : memory.load(run, address);
  }

  private static long number(Matcher line, int group) {
    return Long.parseUnsignedLong(line.group(group), 16);
  }

  private void entry(Matcher line) {
    int bus = (int) number(line, 1);
    int function = (int) (number(line, 2) & 31) << 3 | Integer.parseInt(line.group(3), 8);
    sources.add(bus << 8 | function);
    String name = Numbers.bdf(bus << 8 | function);
    long rootLow = word(root + bus * 16L);
    long rootHigh = word(root + bus * 16L + 8);
    boolean upper = scalable && function >= 0x80;
    long context =
        ((upper ? rootHigh : rootLow) & RootEntry.CTP.mask())
            + (scalable ? (function & 0x7f) * 32L : function * 16L);
    long low = word(context);
    int before = differences.size();
    compare(name + ": root entry", line, 4, rootHigh, rootLow);
    compare(name + ": context entry", line, 6, word(context + 8), low);
    if (scalable && line.group(8) != null && !line.group(8).startsWith("-")) {
      int pasid = Integer.parseInt(line.group(8)) & 0xf_ffff;
      long directory = low & ScalableContextEntry.PASIDDIRPTR.mask();
      long table = word(directory + (pasid >> 6) * 8L) & PasidDirectoryEntry.SMPTBLPTR.mask();
      long at = table + (pasid & 63) * 64L;
      compare(
          "%s: PASID %d".formatted(name, pasid), line, 9, word(at + 16), word(at + 8), word(at));
    }
    agreed += differences.size() == before ? 1 : 0;
  }

  private void compare(String what, Matcher line, int group, long... found) {
    for (int i = 0; i < found.length; i++) {
      if (number(line, group + i) != found[i]) {
        differences.add(
            "%s: the text has 0x%x, the image 0x%x"
                .formatted(what, number(line, group + i), found[i]));
      }
    }
  }
}
