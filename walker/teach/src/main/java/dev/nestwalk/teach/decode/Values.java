package dev.nestwalk.teach.decode;

import dev.nestwalk.format.Listing;
import dev.nestwalk.format.Structure;
import dev.nestwalk.smmu.Command;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Structures;
import dev.nestwalk.vtd.InvalidationDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Decodes a structure, record, descriptor or command that is given by name and value. */
public final class Values {
  private static final Pattern WORD = Pattern.compile("(?:0[xX])?([0-9a-fA-F]{1,16})");
  private static final Pattern PAIR =
      Pattern.compile("(?:0[xX])?([0-9a-fA-F]{1,16}):(?:0[xX])?([0-9a-fA-F]{1,16})");
  private static final Pattern BYTES = Pattern.compile("(?:0[xX])?((?:[0-9a-fA-F]{16}){2,8})");

  /** The words in some arguments, lowest first; null if one is not a number. */
  private static long @Nullable [] words(List<String> texts) {
    List<Long> words = new ArrayList<>();
    for (String text : texts) {
      Matcher word = WORD.matcher(text);
      Matcher pair = PAIR.matcher(text);
      Matcher bytes = BYTES.matcher(text);
      if (word.matches()) {
        words.add(Long.parseUnsignedLong(word.group(1), 16));
      } else if (pair.matches()) {
        words.add(Long.parseUnsignedLong(pair.group(2), 16));
        words.add(Long.parseUnsignedLong(pair.group(1), 16));
      } else if (bytes.matches()) {
        // Bytes in memory order: the form of an event record in a scenario's detail column.
        for (int i = 0; i < bytes.group(1).length(); i += 16) {
          long big = Long.parseUnsignedLong(bytes.group(1).substring(i, i + 16), 16);
          words.add(Long.reverseBytes(big));
        }
      } else {
        return null;
      }
    }
    return words.stream().mapToLong(Long::longValue).toArray();
  }

  /**
   * Decodes a name followed by words.
   *
   * @return null if the arguments do not end in numbers that follow a name
   * @throws InputException if the name is unknown or there are too many words
   */
  public static @Nullable Finding of(List<String> arguments) {
    int name = 0;
    while (name < arguments.size()
        && !arguments
            .get(name)
            .matches("(0[xX])?[0-9a-fA-F]*[0-9][0-9a-fA-F:xX]*|0[xX][0-9a-fA-F:xX]+")) {
      name++;
    }
    if (name == arguments.size()) {
      return null;
    }
    long[] words = words(arguments.subList(name, arguments.size()));
    if (name == 0) {
      return words == null ? null : unnamed(words);
    }
    return words == null ? null : named(String.join(" ", arguments.subList(0, name)), words);
  }

  /**
   * Decodes words without a name: two words with the bit of a valid fault record, or the four words
   * of an event.
   */
  private static @Nullable Finding unnamed(long[] words) {
    if (words.length == 2 && (words[0] < 0 || words[1] < 0)) {
      return named("frcd", words);
    }
    return words.length == 4 ? named("event", words) : null;
  }

  private static Finding named(String name, long[] words) {
    return switch (Listing.idOf(name)) {
      case "event", "smmu-event", "event-record" -> {
        check(name, words, 4);
        yield SmmuLines.finding(java.util.Arrays.copyOf(words, 4));
      }
      case "frcd", "fault-record", "fault" -> {
        check(name, words, 2);
        // The low word may come first, or the high one as in a log; bit F, its top bit, tells them
        // apart.
        boolean swapped = words.length == 2 && words[0] < 0 && words[1] >= 0;
        long low = swapped ? words[1] : words[0];
        long high = words.length < 2 ? 0 : swapped ? words[0] : words[1];
        yield VtdFaults.of(high, low)
            .build("VT-d fault " + VtdFaults.reason((int) (high >>> 32) & 0xff));
      }
      case "command", "cmd", "smmu-command" -> {
        check(name, words, 2);
        yield command(words);
      }
      case "descriptor", "invalidation", "invalidation-descriptor" -> {
        check(name, words, 4);
        yield descriptor(words);
      }
      default -> {
        Listing listing = Structures.find(name);
        check(name, words, listing.structure().words());
        yield structure(listing, words);
      }
    };
  }

  private static void check(String name, long[] words, int most) {
    if (words.length > most) {
      throw new InputException(
          "%s: %d words, expected at most %d of 64 bits, the lowest first"
              .formatted(name, words.length, most));
    }
  }

  private static Finding structure(Listing listing, long[] words) {
    String family = Structures.isVtd(listing) ? "vtd" : "smmuv3";
    Finding.Builder finding = new Finding.Builder(family).fact("value", shown(words));
    finding.fact("about", listing.about());
    finding.fields(Records.fields(listing, words));
    int missing = listing.structure().words() - words.length;
    if (missing > 0) {
      finding.note(
          "%d of %d words are not given and not shown"
              .formatted(missing, listing.structure().words()));
    }
    if (listing.unnamed() == Listing.Unnamed.RESERVED) {
      for (int i = 0; i < words.length; i++) {
        long set = words[i] & listing.structure().reserved(i);
        if (set != 0) {
          finding.note("reserved bits are set in word %d: 0x%x".formatted(i, set));
        }
      }
    }
    return finding.build(
        "%s (%s)".formatted(listing.structure().name(), listing.structure().section()));
  }

  private static String shown(long[] words) {
    StringBuilder text = new StringBuilder();
    for (long word : words) {
      text.append(text.isEmpty() ? "" : " ").append("0x%016x".formatted(word));
    }
    return text.toString();
  }

  private static Finding plain(String family, String title, Structure structure, long[] words) {
    return new Finding.Builder(family)
        .fact("value", shown(words))
        .fields(Records.fields(structure, words))
        .build("%s (%s)".formatted(title, structure.section()));
  }

  private static Finding command(long[] words) {
    int opcode = (int) Command.OPCODE.get(words[0]);
    Structure structure =
        switch (opcode) {
          case Command.PREFETCH_CONFIG, Command.PREFETCH_ADDR -> Command.PREFETCH;
          case Command.CFGI_STE -> Command.CONFIG_STREAM;
          case Command.CFGI_STE_RANGE -> Command.CONFIG_STREAMS;
          case Command.CFGI_CD -> Command.CONFIG_CONTEXT;
          case Command.CFGI_CD_ALL -> Command.CONFIG_CONTEXTS;
          case Command.TLBI_NH_ALL,
              Command.TLBI_S12_VMALL,
              Command.TLBI_EL2_ALL,
              Command.TLBI_NSNH_ALL,
              Command.CFGI_VMS_PIDM ->
              Command.TLBI_ALL;
          case Command.TLBI_NH_ASID, Command.TLBI_EL2_ASID -> Command.TLBI_ASID;
          case Command.TLBI_NH_VA, Command.TLBI_EL2_VA -> Command.TLBI_VA;
          case Command.TLBI_NH_VAA, Command.TLBI_EL2_VAA, Command.TLBI_S2_IPA -> Command.TLBI_IPA;
          case Command.ATC_INV -> Command.ATC;
          case Command.PRI_RESP -> Command.RESPONSE;
          case Command.RESUME, Command.STALL_TERM -> Command.RESUMING;
          default -> Command.COMPLETION;
        };
    String name = commandName(opcode);
    return plain(
        "smmuv3",
        "SMMUv3 command " + (name.isEmpty() ? "0x%02x, not known here".formatted(opcode) : name),
        structure,
        words);
  }

  private static String commandName(int opcode) {
    return switch (opcode) {
      case Command.PREFETCH_CONFIG -> "CMD_PREFETCH_CONFIG";
      case Command.PREFETCH_ADDR -> "CMD_PREFETCH_ADDR";
      case Command.CFGI_STE -> "CMD_CFGI_STE";
      case Command.CFGI_STE_RANGE -> "CMD_CFGI_STE_RANGE (range 31: CMD_CFGI_ALL)";
      case Command.CFGI_CD -> "CMD_CFGI_CD";
      case Command.CFGI_CD_ALL -> "CMD_CFGI_CD_ALL";
      case Command.CFGI_VMS_PIDM -> "CMD_CFGI_VMS_PIDM";
      case Command.TLBI_NH_ALL -> "CMD_TLBI_NH_ALL";
      case Command.TLBI_NH_ASID -> "CMD_TLBI_NH_ASID";
      case Command.TLBI_NH_VA -> "CMD_TLBI_NH_VA";
      case Command.TLBI_NH_VAA -> "CMD_TLBI_NH_VAA";
      case Command.TLBI_EL2_ALL -> "CMD_TLBI_EL2_ALL";
      case Command.TLBI_EL2_ASID -> "CMD_TLBI_EL2_ASID";
      case Command.TLBI_EL2_VA -> "CMD_TLBI_EL2_VA";
      case Command.TLBI_EL2_VAA -> "CMD_TLBI_EL2_VAA";
      case Command.TLBI_S12_VMALL -> "CMD_TLBI_S12_VMALL";
      case Command.TLBI_S2_IPA -> "CMD_TLBI_S2_IPA";
      case Command.TLBI_NSNH_ALL -> "CMD_TLBI_NSNH_ALL";
      case Command.ATC_INV -> "CMD_ATC_INV";
      case Command.PRI_RESP -> "CMD_PRI_RESP";
      case Command.RESUME -> "CMD_RESUME";
      case Command.STALL_TERM -> "CMD_STALL_TERM";
      case Command.SYNC -> "CMD_SYNC";
      default -> "";
    };
  }

  private static Finding descriptor(long[] words) {
    int type =
        (int)
            (InvalidationDescriptor.TYPE.get(words[0])
                | InvalidationDescriptor.TYPE_HIGH.get(words[0]) << 4);
    Structure structure =
        switch (type) {
          case 1 -> InvalidationDescriptor.CONTEXT_CACHE;
          case 2 -> InvalidationDescriptor.IOTLB_INVALIDATE;
          case 3 -> InvalidationDescriptor.DEVICE_TLB_INVALIDATE;
          case 4 -> InvalidationDescriptor.INTERRUPT_ENTRY_INVALIDATE;
          case 5 -> InvalidationDescriptor.WAIT_INVALIDATE;
          case 6 -> InvalidationDescriptor.PASID_IOTLB_INVALIDATE;
          case 7 -> InvalidationDescriptor.PASID_CACHE_INVALIDATE;
          case 8 -> InvalidationDescriptor.PASID_DEVICE_TLB_INVALIDATE;
          case 9 -> InvalidationDescriptor.PAGE_RESPONSE;
          default ->
              throw new InputException(
                  "descriptor of type %d: expected 1 to 9 in bits 3:0 and 11:9".formatted(type));
        };
    return plain("vtd", structure.name() + ", type " + type, structure, words);
  }

  private Values() {}
}
