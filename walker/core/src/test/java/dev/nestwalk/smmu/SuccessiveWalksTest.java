package dev.nestwalk.smmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.iotlb.WalkNotes;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A walk, its record and its notes are the same whatever the walker walked before. */
final class SuccessiveWalksTest {
  private static final long SMALL = 0x4000_0000L;
  private static final long LARGE = 0x4020_0000L;
  private static final long READ_ONLY = SMALL + 4096;
  private static final long WRITE_ONLY = SMALL + 2 * 4096;
  private static final long UNMAPPED = SMALL + 3 * 4096;
  private static final long BEYOND = 1L << 47;
  private static final long BEYOND_ALL = 1L << 50;
  private static final long OUT = 0x8000_0000L;
  private static final long GLOBAL = 1L << 10 | 1L << 6;
  private static final long FIRST = GLOBAL | 1L << 11;
  private static final long SECOND = 1L << 10 | 3L << 6 | 15L << 2;

  /** Bits of a CD: fault events are not recorded, and faults do not stall. */
  private static final int CD_RECORDS = 45;

  private static final int STREAMS = 7;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
  private final SmmuMachine machine = new SmmuMachine(memory);
  private final GuestMemory guest;

  SuccessiveWalksTest() {
    VmsaTables first = new VmsaTables(memory, 12, 1, 39);
    VmsaTables inner = new VmsaTables(memory, 12, 1, 39);
    VmsaTables second = new VmsaTables(memory, 12, 1, 39);
    map(first, OUT, FIRST, GLOBAL, 1L << 7);
    map(inner, SMALL, FIRST, GLOBAL, 0);
    second.map(SMALL, OUT, 3, SECOND);
    second.map(READ_ONLY, OUT, 3, SECOND & ~(1L << 7));
    second.map(WRITE_ONLY, OUT, 3, SECOND & ~(1L << 6));
    second.map(LARGE, OUT + (2L << 20), 2, SECOND);
    long contexts = memory.allocate();
    for (int page = 0; page < memory.pages(); page++) {
      second.map(memory.page(page), memory.page(page), 3, SECOND);
    }
    machine.context(contexts, new ContextEntry(48).lower(first));
    machine.context(contexts + 64, new ContextEntry(48).lower(inner));
    machine.context(contexts + 128, new ContextEntry(48).lower(first).clear(CD_RECORDS));
    machine.context(contexts + 192, new ContextEntry(48).lower(inner).clear(CD_RECORDS));
    machine.stream(1, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    machine.stream(2, new StreamEntry(6).stage2(second, 48));
    machine.stream(3, new StreamEntry(7).stage1(contexts + 64, 0, 0, 0).stage2(second, 48));
    machine.stream(4, new StreamEntry(4));
    machine.stream(5, new StreamEntry(5).stage1(contexts + 128, 0, 0, 0));
    machine.stream(6, new StreamEntry(7).stage1(contexts + 192, 0, 0, 0).stage2(second, 48));
    GuestMemory.Builder builder = GuestMemory.builder();
    memory.runs().forEach(run -> builder.ram(run.first(), run.bytes()));
    guest = builder.build();
  }

  private static void map(VmsaTables tables, long to, long one, long global, long readOnly) {
    tables.map(SMALL, to, 3, one);
    tables.map(READ_ONLY, to + 4096, 3, one | readOnly);
    tables.map(WRITE_ONLY, to + 2 * 4096, 3, one);
    tables.map(LARGE, to + (2L << 20), 2, global);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private record Request(int stream, long address, int access) {}

  private static List<Request> requests() {
    List<Request> requests = new ArrayList<>();
    for (int stream = 0; stream <= STREAMS; stream++) {
      for (long address :
          new long[] {SMALL, LARGE, READ_ONLY, WRITE_ONLY, UNMAPPED, BEYOND, BEYOND_ALL}) {
        for (int access = Access.READ; access <= Access.ATOMIC; access++) {
          requests.add(new Request(stream, address, access));
        }
      }
    }
    return requests;
  }

  /** A walker, and all that it says of a request. */
  private final class Asked {
    private final FaultRecord record = new FaultRecord();
    private final SmmuWalker walker =
        new SmmuWalker(SmmuConfig.of(machine.registers()), guest, record, new WalkCounters());
    private final boolean resolved;

    Asked(boolean resolved) {
      this.resolved = resolved;
    }

    String ask(Request request) {
      long answer;
      if (resolved) {
        SmmuPlan plan = walker.plan();
        if (!walker.resolve(plan, request.stream, -1)) {
          return "not resolved";
        }
        answer = walker.walk(plan, request.stream, -1, request.address, request.access);
      } else {
        answer = walker.translate(request.stream, -1, request.address, request.access);
      }
      StringBuilder text = new StringBuilder(Translation.describe(answer));
      if (Translation.isFault(answer)) {
        text.append(" at 0x").append(Long.toHexString(record.intermediate()));
        for (int word = 0; word < 4 && record.isRecorded(); word++) {
          text.append(" 0x").append(Long.toHexString(record.word(word)));
        }
        return text.toString();
      }
      if (resolved) {
        WalkNotes notes = walker.notes();
        text.append(" of 2^").append(notes.inputSpan()).append(notes.isGlobal() ? " global" : "");
        return text.append(" by 0x").append(Long.toHexString(notes.intermediate())).toString();
      }
      return text.append(" by 0x").append(Long.toHexString(walker.intermediate())).toString();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void nothingIsLeftOfTheWalkBefore(boolean resolved) {
    List<Request> requests = requests();
    List<String> alone = requests.stream().map(one -> new Asked(resolved).ask(one)).toList();
    assertTrue(new TreeSet<>(alone).size() > 20, "kinds of answers");
    for (Request before : requests) {
      Asked asked = new Asked(resolved);
      for (int i = 0; i < requests.size(); i++) {
        Request request = requests.get(i);
        asked.ask(before);
        assertEquals(alone.get(i), asked.ask(request), () -> request + " after " + before);
      }
    }
  }

  /** TBI: bit 55 chooses the range, and only a range that ignores the top byte loses it. */
  @Test
  void anAddressLosesItsTopByteWhereItsRangeIgnoresIt() {
    long context = memory.allocate();
    VmsaTables tables = new VmsaTables(memory, 12, 1, 39);
    machine.stream(1, new StreamEntry(5).stage1(context, 0, 0, 0));
    for (int ignored : Set.of(0, 1, 2, 3)) {
      ContextEntry entry = new ContextEntry(48).lower(tables).upper(tables);
      entry = (ignored & 1) != 0 ? entry.set(38) : entry;
      machine.context(context, (ignored & 2) != 0 ? entry.set(39) : entry);
      SmmuWalker walker = new SmmuWalker(SmmuConfig.of(machine.registers()), guest);
      walker.translate(1, -1, SMALL, Access.READ);
      for (long tag : new long[] {0, 0x12, 0x80, 0xab, 0xff}) {
        for (long low : new long[] {0, SMALL, (1L << 55) - 1, 1L << 55, (1L << 56) - 1}) {
          boolean upper = low >>> 55 != 0;
          boolean loses = (ignored >> (upper ? 1 : 0) & 1) != 0;
          long whole = tag << 56 | low;
          long expected = !loses ? whole : upper ? 0xffL << 56 | low : low;
          assertEquals(expected, walker.untagged(whole), () -> "0x%x".formatted(whole));
        }
      }
    }
  }
}
