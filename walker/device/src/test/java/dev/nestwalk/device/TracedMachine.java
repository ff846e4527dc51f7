package dev.nestwalk.device;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.EmptyRam;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.trace.RegisterTrace;
import dev.nestwalk.fixtures.trace.TraceLine;
import dev.nestwalk.memory.ElfCore;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.smmu.EventType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.function.IntPredicate;

/** An SMMUv3 and its memory under a register trace: does each line, and says what differs. */
final class TracedMachine implements InterruptSink {
  private final RegisterTrace trace;
  private final Arena arena;
  private final GuestMemory memory;
  private final List<InterruptLine> raised = new ArrayList<>();
  private final List<String> differences = new ArrayList<>();
  private SmmuUnit unit;
  private int compared;

  TracedMachine(RegisterTrace trace, Arena arena) {
    this.trace = trace;
    this.arena = arena;
    memory = empty(trace.machine().ram(), arena);
    unit = newUnit();
  }

  private static GuestMemory empty(List<Machine.Range> ram, Arena arena) {
    try {
      List<MemorySegment> segments = EmptyRam.map(ram, arena);
      GuestMemory.Builder builder = GuestMemory.builder();
      for (int i = 0; i < ram.size(); i++) {
        builder.ram(ram.get(i).first(), segments.get(i));
      }
      return builder.build();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private SmmuUnit newUnit() {
    return SmmuUnit.of(UnitOptions.of(memory, this), trace.machine().registers());
  }

  @Override
  public boolean message(long address, int data) {
    return false;
  }

  @Override
  public void wire(InterruptLine line) {
    raised.add(line);
  }

  /**
   * Does the whole trace; the unit is replaced by a restored one after each {@code every} lines.
   */
  List<String> replay(int every) {
    int count = 0;
    for (TraceLine line : trace.lines()) {
      step(line);
      if (every > 0 && ++count % every == 0) {
        int interrupts = raised.size();
        Snapshot state = Snapshot.parse(unit.snapshot().toString());
        unit = newUnit();
        unit.restore(state);
        expect(line, interrupts, raised.size());
      }
    }
    nothingRaised(trace.lines().getLast());
    return differences;
  }

  /** What was compared so far. */
  int compared() {
    return compared;
  }

  GuestErrors guestErrors() {
    return unit.guestErrors();
  }

  private void step(TraceLine line) {
    switch (line) {
      case TraceLine.Write write -> {
        nothingRaised(line);
        unit.mmioWrite(write.offset(), write.size(), write.value());
      }
      case TraceLine.Read read -> {
        nothingRaised(line);
        expect(line, read.value(), unit.mmioRead(read.offset(), read.size()));
      }
      case TraceLine.Queue queue -> {
        MemorySegment bytes = MemorySegment.ofArray(HexFormat.of().parseHex(queue.bytes()));
        memory.write(queue.address(), bytes, 0, bytes.byteSize());
      }
      case TraceLine.Status status -> expect(line, status.bytes(), at(status.address(), status));
      case TraceLine.Event event -> expect(line, event.bytes(), at(event.address(), event));
      case TraceLine.Wire wire -> interrupt(wire);
      case TraceLine.Snapshot snapshot -> load(trace.beside(snapshot.file()));
      case TraceLine.Dma dma -> {
        nothingRaised(line);
        access(dma);
      }
      case TraceLine.Message message -> expect(message, "no message in an SMMUv3 trace", "");
    }
  }

  private String at(long address, TraceLine line) {
    String bytes =
        switch (line) {
          case TraceLine.Status status -> status.bytes();
          case TraceLine.Event event -> event.bytes();
          default -> "";
        };
    byte[] found = new byte[bytes.length() / 2];
    memory.read(address, MemorySegment.ofArray(found), 0, found.length);
    return HexFormat.of().formatHex(found);
  }

  /**
   * QEMU pulses for each record, and reports a full queue as an error; the architecture interrupts
   * when the queue is no longer empty, and reports by OVFLG (digest of differences 1 and 2).
   */
  private void interrupt(TraceLine.Wire wire) {
    InterruptLine line = wire.wire().equals("evtq") ? InterruptLine.EVTQ : InterruptLine.GERROR;
    if (!raised.remove(line)) {
      long prod = unit.mmioRead(0x100a8, 4);
      long cons = unit.mmioRead(0x100ac, 4);
      boolean more = line == InterruptLine.EVTQ && (prod - cons & 0xfffff) > 1;
      boolean overflow = line == InterruptLine.GERROR && (prod ^ cons) >>> 31 == 1;
      expect(wire, true, more || overflow);
    } else {
      compared++;
    }
  }

  private void nothingRaised(TraceLine before) {
    expect(before, List.of(), List.copyOf(raised));
    raised.clear();
  }

  private void load(Path file) {
    try {
      GuestMemory image = ElfCore.open(file, List.of(), Opening.READ_ONLY, arena);
      for (int run = 0; run < image.runCount(); run++) {
        long first = image.first(run);
        MemorySegment bytes = image.slice(first, image.last(run) - first + 1);
        memory.write(first, bytes, 0, bytes.byteSize());
      }
    } catch (ImageException e) {
      throw new IllegalStateException(e);
    }
  }

  private void access(TraceLine.Dma dma) {
    Port port = unit.port(dma.sourceId(), dma.pasid());
    long answer = port.translate(dma.iova(), dma.write() ? Access.WRITE : Access.READ);
    boolean recorded = Translation.isFault(answer) && port.lastFault().isRecorded();
    port.done();
    IntPredicate refused = code -> recorded && Translation.code(answer) == code;
    boolean same =
        switch (dma.outcome()) {
          case TraceLine.DmaOutcome.Ok ok ->
              !Translation.isFault(answer) && Translation.address(answer) == ok.output();
          case TraceLine.DmaOutcome.FaultCode fault -> refused.test(fault.code());
          case TraceLine.DmaOutcome.FaultName fault ->
              refused.test(EventType.valueOf(fault.name()).code());
          case TraceLine.DmaOutcome.Silent ignored -> Translation.isFault(answer) && !recorded;
        };
    expect(dma, dma.outcome(), Translation.describe(answer), same);
  }

  private void expect(TraceLine line, Object expected, Object got) {
    expect(line, expected, got, Objects.equals(expected, got));
  }

  private void expect(TraceLine line, Object expected, Object got, boolean same) {
    compared++;
    if (!same) {
      differences.add(
          "line %d, %s: expected %s, got %s".formatted(line.number(), line.text(), expected, got));
    }
  }
}
