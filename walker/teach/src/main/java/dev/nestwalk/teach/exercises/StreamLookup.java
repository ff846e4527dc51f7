package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.smmu.EventCode;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Questions about the path from a StreamID and SubstreamID to tables. */
final class StreamLookup {
  private static final int LOG2SIZE = 16;

  /** A machine with a two-level stream table of its own. */
  private record TwoLevel(Subject subject, long level1, int split, int span) {}

  private static TwoLevel twoLevel(Chance chance, Arena arena) {
    TableMemory host = SmmuScenes.hostMemory(chance, arena);
    SmmuMachine machine = new SmmuMachine(host);
    int split = chance.oneOf(6, 8, 10);
    // Entries of a leaf: at most the 8 KiB that this memory has room for.
    int span = 1 + chance.below(Math.min(split, 7) + 1);
    long level1 = host.allocateAligned(8192);
    host.allocate(1 + chance.below(3));
    long leaf = host.allocateAligned(Math.max(4096, 64L << span - 1));
    int upper = 1 + chance.below((1 << LOG2SIZE - split) - 2);
    int stream = upper << split | chance.below(1 << span - 1);
    host.put(level1 + 8L * upper, leaf | span);
    long at = leaf + 64L * (stream & (1 << split) - 1);
    long[] words = new StreamEntry(4).words();
    for (int i = 0; i < words.length; i++) {
      host.put(at + 8L * i, words[i]);
    }
    for (int other = upper - 1; other <= upper + 1; other += 2) {
      host.put(level1 + 8L * other, Scenes.somewhere(chance, 38, 16) | 1 + chance.below(6));
    }
    machine.register("STRTAB_BASE", level1);
    machine.register("STRTAB_BASE_CFG", LOG2SIZE | (long) split << 6 | 1L << 16);
    Subject.Request request =
        new Subject.Request(stream, -1, Scenes.somewhere(chance, 40, 4), Access.READ);
    Subject subject =
        new Subject(Format.SMMUV3, machine.registers(), request, List.of()).with(host);
    return new TwoLevel(subject, level1, split, span);
  }

  private static Step step(Subject subject, String title) {
    return subject.trace().steps().stream()
        .filter(step -> step.title().startsWith(title) && !step.read().isEmpty())
        .findFirst()
        .orElseThrow();
  }

  static Exercise streamEntry(Draft draft, Chance chance, Arena arena) {
    TwoLevel made = twoLevel(chance, arena);
    Subject subject = made.subject;
    Step level1 = step(subject, "level 1 stream");
    Step entry = step(subject, "STE of");
    int stream = subject.request().source();
    return draft
        .about(subject)
        .ask("At which address is this stream's STE?")
        .hex("StreamID", stream)
        .hex("STRTAB_BASE.ADDR", made.level1)
        .count("STRTAB_BASE_CFG.SPLIT", made.split)
        .memory(Words.of(subject, level1.address() - 8, 3))
        .step(
            "The upper bits, %s >> %d = %s, index level 1: the descriptor at %s."
                .formatted(
                    Text.hex(stream),
                    made.split,
                    Text.hex(stream >> made.split),
                    Text.hex(level1.address())))
        .step("Its bits 51:6 are the leaf table; the lower bits of the StreamID index it.")
        .step(
            "STEs have 64 bytes: %s + 64 * %s = %s."
                .formatted(
                    Text.hex(level1.read().get(0) & -64),
                    Text.hex(stream & (1 << made.split) - 1),
                    Text.hex(entry.address())))
        .value(entry.address(), Answer.Style.HEX);
  }

  static Exercise streamSpan(Draft draft, Chance chance, Arena arena) {
    TwoLevel made = twoLevel(chance, arena);
    Subject subject = made.subject;
    Step level1 = step(subject, "level 1 stream");
    int first = subject.request().source() >> made.split << made.split;
    int highest = first;
    // Leaves have powers of two of STEs.
    for (int stes = 1; stes <= 1 << made.split; stes *= 2) {
      int stream = first + stes - 1;
      Subject.Request other =
          new Subject.Request(stream, -1, subject.request().address(), Access.READ);
      long answer = subject.trace(other).translation();
      if (!Translation.isFault(answer) || Translation.code(answer) != EventCode.C_BAD_STREAMID) {
        highest = stream;
      }
    }
    return draft
        .about(subject)
        .ask("Which is the highest StreamID that this level 1 descriptor serves?")
        .hex("index at level 1", first >> made.split)
        .word("level 1 descriptor", level1.read().get(0))
        .count("STRTAB_BASE_CFG.SPLIT", made.split)
        .step("SPLIT is %d: the first StreamID is %s.".formatted(made.split, Text.hex(first)))
        .step("Span, bits 4:0, is %d: the leaf has 2^%d STEs.".formatted(made.span, made.span - 1))
        .value(highest, Answer.Style.HEX);
  }

  /** A machine whose stream has substreams. */
  private static Subject substreams(Chance chance, Arena arena, int format, int bits, int dss) {
    TableMemory host = SmmuScenes.hostMemory(chance, arena);
    SmmuMachine machine = new SmmuMachine(host);
    VmsaTables tables = SmmuScenes.tables(chance, host, 12, 39);
    Geometry geometry = SmmuScenes.geometry(1, tables, false);
    long address = Scenes.address(chance, geometry);
    tables.map(address, Scenes.somewhere(chance, 44, 12), 3, SmmuScenes.FIRST_PAGE);
    int substream = 1 + chance.below((1 << bits) - 1);
    long contexts;
    ContextEntry entry = new ContextEntry(48).lower(tables);
    if (format == 0) {
      contexts = host.allocateAligned(Math.max(4096, 64L << bits));
      machine.context(contexts + 64L * substream, entry);
      machine.context(contexts, entry);
    } else {
      int leafBits = format == 1 ? 6 : 10;
      contexts = host.allocate();
      host.allocate(1 + chance.below(2));
      long leaf = host.allocateAligned(64L << leafBits);
      int index = substream >> leafBits;
      host.put(contexts + 8L * index, leaf | 1);
      host.put(contexts + 8L * (index ^ 1), Scenes.somewhere(chance, 38, 16) | 1);
      machine.context(leaf + 64L * (substream & (1 << leafBits) - 1), entry);
    }
    int stream = 1 + chance.below(63);
    machine.stream(stream, new StreamEntry(5).stage1(contexts, bits, format, dss));
    Subject.Request request = new Subject.Request(stream, substream, address, Access.READ);
    return new Subject(Format.SMMUV3, machine.registers(), request, List.of(geometry)).with(host);
  }

  static Exercise contextDescriptor(Draft draft, Chance chance, Arena arena) {
    int format = chance.below(3);
    int bits = format == 2 ? 10 : format == 1 ? 7 + chance.below(4) : 2 + chance.below(7);
    Subject subject = substreams(chance, arena, format, bits, 2);
    Step stream = step(subject, "STE of");
    Step entry = step(subject, "CD ");
    int substream = subject.request().pasid();
    long pointer = stream.read().get(0) & 0x000f_ffff_ffff_ffc0L;
    if (format != 0) {
      SortedMap<Long, Long> words = new TreeMap<>();
      long at = step(subject, "level 1 CD").host();
      words.put(at, subject.word(at));
      words.put(at ^ 8, subject.word(at ^ 8));
      draft.memory(words);
    }
    int leafBits = format == 1 ? 6 : 10;
    return draft
        .about(subject)
        .ask("At which address is the context descriptor of this substream?")
        .word("STE, word 0", stream.read().get(0))
        .hex("SubstreamID", substream)
        .step(
            "S1Fmt, bits 5:4, is %d: %s; S1ContextPtr is %s."
                .formatted(
                    format,
                    format == 0 ? "a linear table" : "two levels, leaves of 2^" + leafBits + " CDs",
                    Text.hex(pointer)))
        .step(
            format == 0
                ? "CDs have 64 bytes: %s + 64 * %s."
                    .formatted(Text.hex(pointer), Text.hex(substream))
                : "L1CD %d holds the leaf; in it CD %d, 64 bytes each."
                    .formatted(substream >> leafBits, substream & (1 << leafBits) - 1))
        .value(entry.host(), Answer.Style.HEX);
  }

  static Exercise substreamRule(Draft draft, Chance chance, Arena arena) {
    int bits = 3 + chance.below(5);
    int dss = chance.below(3);
    Subject made = substreams(chance, arena, 0, bits, dss);
    int asked =
        switch (chance.below(4)) {
          case 0 -> 0;
          case 1 -> (1 << bits) + chance.below(8);
          case 2 -> made.request().pasid();
          default -> -1;
        };
    Subject.Request old = made.request();
    Subject subject =
        made.asking(new Subject.Request(old.source(), asked, old.address(), Access.READ));
    Trace trace = subject.trace();
    int code = Translation.isFault(trace.translation()) ? Translation.code(trace.translation()) : 0;
    List<Step> cds = trace.steps().stream().filter(step -> step.title().startsWith("CD ")).toList();
    List<String> options =
        List.of(
            "stage 1 with CD 0",
            "stage 1 with the CD of that substream",
            "stage 1 is bypassed",
            "refused: F_STREAM_DISABLED",
            "refused: C_BAD_SUBSTREAMID");
    int right =
        code == EventCode.F_STREAM_DISABLED
            ? 3
            : code == EventCode.C_BAD_SUBSTREAMID
                ? 4
                : cds.isEmpty() ? 2 : cds.get(0).title().equals("CD 0") ? 0 : 1;
    long[] words = {
      step(made, "STE of").read().get(0), step(made, "STE of").read().get(1),
    };
    return draft
        .about(subject)
        .ask("What becomes of the request?")
        .word("STE, word 0", words[0])
        .word("STE, word 1", words[1])
        .fact("SubstreamID", asked, asked < 0 ? "none given" : Text.hex(asked))
        .step("S1CDMax, bits 63:59 of word 0, is %d: %d CDs.".formatted(bits, 1 << bits))
        .step(
            "S1DSS, bits 1:0 of word 1, is %d: 0 terminates requests without substream, 1 lets"
                    .formatted(dss)
                + " them bypass stage 1, 2 gives them CD 0, which no substream may then ask for.")
        .ordered(options, right);
  }

  private StreamLookup() {}
}
