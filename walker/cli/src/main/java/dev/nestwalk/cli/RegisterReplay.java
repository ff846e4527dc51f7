package dev.nestwalk.cli;

import dev.nestwalk.device.Port;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.trace.RegisterTrace;
import dev.nestwalk.fixtures.trace.TraceLine;
import dev.nestwalk.fixtures.trace.TraceLine.DmaOutcome;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * Drives a unit with a register trace, and compares what it reads, writes to memory, signals and
 * answers.
 *
 * <p>A status or event record that the trace expects may be in memory already, from an earlier
 * line. Those bytes are overwritten first, so that the unit has to write them again.
 */
final class RegisterReplay implements AutoCloseable {
  /** An answer that differs from the trace. */
  record Difference(int line, String text, String expected, String got) {}

  private final RegisterTrace trace;
  private final Arena arena = Arena.ofShared();
  private final ReplayMemory memory;
  private final ReplayUnit replayed;
  private final List<Difference> differences = new ArrayList<>();

  /** Lines with a status that a later one overwrites before it can be compared. */
  private final BitSet replaced = new BitSet();

  /** For each line, the next line that expects the same bytes at the same address. */
  private final Map<Integer, TraceLine> again = new HashMap<>();

  private int passed;
  private int next;

  /** The line that caused the interrupts in the list. */
  private TraceLine cause;

  /**
   * Sets up a unit and its memory.
   *
   * @throws InputException if the machine cannot be built
   */
  RegisterReplay(RegisterTrace trace) throws IOException {
    this.trace = trace;
    cause = new TraceLine.Snapshot(0, "before the first line", "");
    try {
      memory = ReplayMemory.of(trace.machine(), arena);
      replayed = new ReplayUnit(trace.machine(), memory);
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
    look();
  }

  /** Finds statuses that cannot be observed, and expectations that are already met. */
  private void look() {
    Map<Long, Integer> last = new HashMap<>();
    Map<Long, Integer> sinceWrite = new HashMap<>();
    List<TraceLine> lines = trace.lines();
    for (int i = 0; i < lines.size(); i++) {
      switch (lines.get(i)) {
        case TraceLine.Status status -> {
          Integer before = sinceWrite.put(status.address(), i);
          if (before != null) {
            replaced.set(before);
          }
          remember(last, status.address(), i);
        }
        case TraceLine.Event event -> remember(last, event.address(), i);
        case TraceLine.Message message -> {}
        case TraceLine.Wire wire -> {}
        default -> sinceWrite.clear();
      }
    }
  }

  private void remember(Map<Long, Integer> last, long address, int index) {
    Integer before = last.put(address, index);
    if (before != null) {
      again.put(before, trace.lines().get(index));
    }
  }

  /** Replays the remaining lines. */
  void run() throws ImageException {
    while (step()) {}
  }

  /**
   * Replays one line.
   *
   * @return false at the end
   */
  boolean step() throws ImageException {
    if (next == trace.lines().size()) {
      tellRest();
      return false;
    }
    TraceLine line = trace.lines().get(next);
    switch (line) {
      case TraceLine.Write write -> {
        begin(line);
        replayed.unit().mmioWrite(write.offset(), write.size(), write.value());
      }
      case TraceLine.Read read -> {
        tellRest();
        long got = replayed.unit().mmioRead(read.offset(), read.size());
        compare(line, Long.toHexString(read.value()), Long.toHexString(got));
      }
      case TraceLine.Queue queue -> {
        tellRest();
        if (!memory.write(queue.address(), queue.bytes())) {
          throw bad(line, "an address within the ram of the machine");
        }
      }
      case TraceLine.Status status -> inMemory(line, status.address(), status.bytes());
      case TraceLine.Event event -> inMemory(line, event.address(), event.bytes());
      case TraceLine.Message message ->
          interrupt(line, "%x %x".formatted(message.address(), message.data()));
      case TraceLine.Wire wire -> interrupt(line, wire.wire());
      case TraceLine.Snapshot snapshot -> {
        tellRest();
        memory.load(beside(snapshot));
      }
      case TraceLine.Dma dma -> {
        begin(line);
        dma(dma);
      }
    }
    next++;
    return true;
  }

  private Path beside(TraceLine.Snapshot snapshot) {
    return trace.beside(snapshot.file());
  }

  private void begin(TraceLine line) {
    tellRest();
    cause = line;
  }

  /** Reports interrupts that the trace does not have as differences. */
  private void tellRest() {
    String rest = replayed.takeRest();
    if (rest != null) {
      differences.add(new Difference(cause.number(), cause.text(), "no further interrupt", rest));
    }
  }

  private void interrupt(TraceLine line, String expected) {
    if (replayed.take(expected) || replayed.isOptional(expected)) {
      passed++;
    } else {
      compare(line, expected, replayed.raised());
    }
  }

  private void inMemory(TraceLine line, long address, String expected) {
    if (replaced.get(next)) {
      return;
    }
    String got = memory.read(address, expected.length() / 2);
    compare(line, expected, got);
    TraceLine later = again.get(next);
    boolean same =
        later instanceof TraceLine.Status status && status.bytes().equals(expected)
            || later instanceof TraceLine.Event event && event.bytes().equals(expected);
    if (same && got.equals(expected)) {
      byte[] spoilt = HexFormat.of().parseHex(expected);
      for (int i = 0; i < spoilt.length; i++) {
        spoilt[i] = (byte) ~spoilt[i];
      }
      memory.write(address, HexFormat.of().formatHex(spoilt));
    }
  }

  private void dma(TraceLine.Dma dma) {
    Port port = replayed.unit().port(dma.sourceId(), dma.pasid());
    // An access that the unit holds for software must not wait, since nobody else runs here: an
    // interrupted device gives up at once.
    Thread.currentThread().interrupt();
    try {
      long answer = port.translate(dma.iova(), dma.write() ? Access.WRITE : Access.READ);
      boolean recorded = Translation.isFault(answer) && port.lastFault().isRecorded();
      compare(dma, dma.outcome().toString(), describe(dma.outcome(), answer, recorded));
    } finally {
      port.done();
      Thread.interrupted();
    }
  }

  /** An answer, worded like the expected one. */
  private String describe(DmaOutcome expected, long answer, boolean recorded) {
    if (!Translation.isFault(answer)) {
      boolean sized = expected instanceof DmaOutcome.Ok ok && ok.size() != 0;
      return new DmaOutcome.Ok(Translation.address(answer), sized ? Translation.span(answer) : 0)
          .toString();
    }
    int code = Translation.code(answer);
    if (expected instanceof DmaOutcome.FaultName) {
      return new DmaOutcome.FaultName(replayed.nameOf(code)).toString();
    }
    boolean silent = expected instanceof DmaOutcome.Silent && !recorded;
    return (silent ? new DmaOutcome.Silent() : new DmaOutcome.FaultCode(code)).toString();
  }

  private void compare(TraceLine line, String expected, String got) {
    if (expected.equals(got)) {
      passed++;
    } else {
      differences.add(new Difference(line.number(), line.text(), expected, got));
    }
  }

  private InputException bad(TraceLine line, String expected) {
    return new InputException(
        "%s: line %d: expected %s".formatted(trace.file(), line.number(), expected));
  }

  /** For tests: continues with another unit that restores the state of this one. */
  void migrate() {
    replayed.migrate();
  }

  /** Number of lines with the expected result. */
  int passed() {
    return passed;
  }

  /** The differences, in order. */
  List<Difference> differences() {
    return List.copyOf(differences);
  }

  /** Number of status lines that could not be compared because a later one overwrote them. */
  int replaced() {
    return replaced.cardinality();
  }

  @Override
  public void close() {
    arena.close();
  }
}
