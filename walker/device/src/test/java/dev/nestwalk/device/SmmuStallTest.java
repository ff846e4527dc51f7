package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Stalled accesses, items 38 to 45 of the list, and what becomes of them in a snapshot. */
final class SmmuStallTest {
  private static final int RESUME = 0x44;
  private static final int STALL_TERM = 0x45;
  private static final long RETRY = 1 << 12;
  private static final long ABORT = 1 << 13;
  private static final long SID = (long) SmmuGuest.STALLING << 32;
  private static final long STALL = 1L << 31;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  /** A read of a device that stalls. */
  private static CompletableFuture<Long> access(SmmuUnit unit, long iova) {
    return SmmuGuest.read(unit, SmmuGuest.STALLING, iova);
  }

  private CompletableFuture<Long> held(long iova, int records) {
    CompletableFuture<Long> answer = access(guest.unit, iova);
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == records);
    return answer;
  }

  private static long get(CompletableFuture<Long> answer) {
    try {
      return answer.get(30, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  private void map() {
    guest.tables.map(SmmuGuest.NOWHERE, SmmuGuest.OUTPUT + 0x3000, 3, 1L << 10 | 1L << 6);
  }

  @Test
  @DisplayName("38: a stalled access is made again when software has mapped its page")
  void retryAfterMapping() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = held(SmmuGuest.NOWHERE, 1);
    assertEquals(STALL, guest.event(0, 1) & 0x8000_ffffL, "Stall and tag 0");
    assertEquals(List.of("EVTQ"), guest.signals());
    assertFalse(answer.isDone());
    guest.sync();
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS), "nobody waits for a device that is held");
    map();
    guest.command(RESUME | RETRY | SID, 0);
    assertEquals(SmmuGuest.OUTPUT + 0x3000, Translation.address(get(answer)));
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
  }

  @Test
  @DisplayName("39: an access made again may stall again, as a new one")
  void retryFaultsAgain() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = held(SmmuGuest.NOWHERE, 1);
    guest.command(RESUME | RETRY | SID, 0);
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 2);
    assertFalse(answer.isDone());
    map();
    guest.command(RESUME | RETRY | SID, guest.event(1, 1) & 0xffff);
    assertFalse(Translation.isFault(get(answer)));
  }

  @Test
  @DisplayName("40: an access ends with an abort, or silently with zeros")
  void abortOrZeros() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = held(SmmuGuest.NOWHERE, 1);
    guest.command(RESUME | ABORT | SID, 0);
    assertEquals(0x10, Translation.code(get(answer)));

    byte[] data = {1, 2, 3, 4};
    long[] count = new long[1];
    Thread device =
        new Thread(
            () -> {
              Port port = guest.unit.port(SmmuGuest.STALLING);
              count[0] = port.read(SmmuGuest.NOWHERE, MemorySegment.ofArray(data));
            });
    device.start();
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 2);
    guest.command(RESUME | SID, 0);
    device.join();
    assertEquals(4, count[0], "read as zeros, without an error");
    assertEquals(0, data[0] | data[1] | data[2] | data[3]);
  }

  @Test
  @DisplayName("40: a unit that can only abort takes RESUME without abort as one")
  void terminationModel() {
    Map<String, Long> aborting = Map.of("IDR0", SmmuGuest.id("IDR0") | 1L << 26);
    try (SmmuGuest other = new SmmuGuest(aborting)) {
      other.start(SmmuGuest.ON);
      CompletableFuture<Long> answer = access(other.unit, SmmuGuest.NOWHERE);
      until(() -> other.r(SmmuGuest.EVENTQ_PROD) == 1);
      other.command(RESUME | SID, 0);
      assertTrue(Translation.isFault(get(answer)));
    }
  }

  @Test
  @DisplayName("41: RESUME with a wrong tag or stream does nothing")
  void wrongTag() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = held(SmmuGuest.NOWHERE, 1);
    guest.command(RESUME | RETRY | SID, 1);
    guest.command(RESUME | RETRY | 9L << 32, 0);
    assertEquals(2, guest.r(SmmuGuest.CMDQ_CONS), "consumed");
    assertFalse(answer.isDone());
    assertEquals(
        "no access is stalled with this tag: CMD_RESUME, 2 times",
        guest.unit.guestErrors().toString());
    guest.command(RESUME | ABORT | SID, 0);
    get(answer);
  }

  @Test
  @DisplayName("42: STALL_TERM ends every access of a stream with an abort")
  void terminateAStream() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> one = held(SmmuGuest.NOWHERE, 1);
    CompletableFuture<Long> other = held(SmmuGuest.NOWHERE + 4096, 2);
    assertEquals(1, guest.event(1, 1) & 0xffff, "another tag");
    guest.command(STALL_TERM | 9L << 32, 0);
    assertEquals(2 * 9, guest.unit.snapshot().values("STALLS").length, "both are held");
    guest.command(STALL_TERM | SID, 0);
    assertTrue(Translation.isFault(get(one)));
    assertTrue(Translation.isFault(get(other)));
  }

  @Test
  @DisplayName("43: switching translation off ends every stalled access; its tag is free")
  void switchedOff() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = held(SmmuGuest.NOWHERE, 1);
    guest.w(0x20, 0xe);
    assertTrue(Translation.isFault(get(answer)));
    guest.w(0x20, SmmuGuest.ON);
    CompletableFuture<Long> next = held(SmmuGuest.NOWHERE, 2);
    assertEquals(0, guest.event(1, 1) & 0xffff);
    guest.command(RESUME | ABORT | SID, 0);
    get(next);
  }

  @Test
  @DisplayName("44: beyond STALL_MAX an access waits unrecorded until a tag is free")
  void mostStalls() {
    guest.start(SmmuGuest.ON);
    List<CompletableFuture<Long>> answers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      answers.add(held(SmmuGuest.NOWHERE + 4096L * i, i + 1));
    }
    CompletableFuture<Long> fifth = access(guest.unit, SmmuGuest.NOWHERE + 4096L * 9);
    assertThrows(TimeoutException.class, () -> fifth.get(50, TimeUnit.MILLISECONDS));
    assertEquals(4, guest.r(SmmuGuest.EVENTQ_PROD));
    guest.command(RESUME | ABORT | SID, 2);
    get(answers.get(2));
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 5);
    assertEquals(2, guest.event(4, 1) & 0xffff, "the tag that became free");
    guest.command(STALL_TERM | SID, 0);
    assertTrue(Translation.isFault(get(fifth)));
  }

  @Test
  @DisplayName("45: with a full queue the record of a stall waits, and is not lost")
  void fullQueue() {
    guest.log2 = 0;
    guest.start(SmmuGuest.ON);
    Port other = guest.unit.port(SmmuGuest.STREAM);
    other.translate(SmmuGuest.NOWHERE, Access.READ);
    other.done();
    CompletableFuture<Long> answer = access(guest.unit, SmmuGuest.NOWHERE);
    assertThrows(TimeoutException.class, () -> answer.get(50, TimeUnit.MILLISECONDS));
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD), "no overflow either");
    guest.signals();
    guest.w(SmmuGuest.EVENTQ_CONS, 1);
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD), "written, over the wrap");
    assertEquals(List.of("EVTQ"), guest.signals());
    assertEquals(0x10 | SID, guest.event(0, 0));
    guest.command(STALL_TERM | SID, 0);
    get(answer);
  }

  @Test
  @DisplayName("45: a stall while EVENTQEN = 0 is recorded when the queue is on")
  void stallWhileOff() {
    guest.start(SmmuGuest.ON & ~4);
    CompletableFuture<Long> answer = access(guest.unit, SmmuGuest.NOWHERE);
    assertThrows(TimeoutException.class, () -> answer.get(50, TimeUnit.MILLISECONDS));
    guest.w(0x20, SmmuGuest.ON);
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
    guest.command(STALL_TERM | SID, 0);
    get(answer);
  }

  @Test
  @DisplayName("42: STALL_TERM ends accesses of the stream that wait for a tag, and no others")
  void terminateWhatWaitsForATag() {
    Map<String, Long> one = Map.of("IDR5", SmmuGuest.id("IDR5") & 0xffff | 1L << 16);
    try (SmmuGuest other = new SmmuGuest(one)) {
      other.machine.stream(SmmuGuest.INVALID, new StreamEntry(5).stage1(stalling(other), 0, 0, 0));
      other.start(SmmuGuest.ON);
      CompletableFuture<Long> tagged = access(other.unit, SmmuGuest.NOWHERE);
      until(() -> other.r(SmmuGuest.EVENTQ_PROD) == 1);
      CompletableFuture<Long> mine = access(other.unit, SmmuGuest.NOWHERE + 4096);
      CompletableFuture<Long> others =
          SmmuGuest.read(other.unit, SmmuGuest.INVALID, SmmuGuest.NOWHERE + 8192);
      assertThrows(TimeoutException.class, () -> mine.get(50, TimeUnit.MILLISECONDS));
      assertThrows(TimeoutException.class, () -> others.get(50, TimeUnit.MILLISECONDS));
      other.command(STALL_TERM | SID, 0);
      assertTrue(Translation.isFault(get(tagged)));
      assertTrue(Translation.isFault(get(mine)));
      until(() -> other.r(SmmuGuest.EVENTQ_PROD) == 2);
      assertEquals((long) SmmuGuest.INVALID << 32 | 0x10, other.event(1, 0), "has the tag now");
      assertEquals(0, other.event(1, 1) & 0xffff);
      other.w(0x20, 0);
      assertTrue(Translation.isFault(get(others)));
    }
  }

  /** A CD of its own whose faults stall. */
  private static long stalling(SmmuGuest guest) {
    long context = guest.ram.allocate();
    guest.machine.context(context, new ContextEntry(48).lower(guest.tables).set(44));
    return context;
  }

  @Test
  @DisplayName("a device that is interrupted gives up: its tag is free, and nobody waits for it")
  void interruptedDevices() throws InterruptedException {
    Map<String, Long> one = Map.of("IDR5", SmmuGuest.id("IDR5") & 0xffff | 1L << 16);
    try (SmmuGuest other = new SmmuGuest(one)) {
      other.start(SmmuGuest.ON);
      Thread tagged = reader(other, SmmuGuest.NOWHERE);
      until(() -> other.r(SmmuGuest.EVENTQ_PROD) == 1);
      Thread untagged = reader(other, SmmuGuest.NOWHERE + 4096);
      until(() -> untagged.getState() == Thread.State.WAITING);
      untagged.interrupt();
      untagged.join();
      CompletableFuture<Long> next = access(other.unit, SmmuGuest.NOWHERE + 8192);
      assertThrows(TimeoutException.class, () -> next.get(50, TimeUnit.MILLISECONDS));
      tagged.interrupt();
      tagged.join();
      until(() -> other.r(SmmuGuest.EVENTQ_PROD) == 2);
      assertEquals(SmmuGuest.NOWHERE + 8192, other.event(1, 2), "has the only tag now");
      other.command(STALL_TERM | SID, 0);
      assertTrue(Translation.isFault(get(next)));
      assertTrue(other.unit.snapshot().toString().contains("STALLS\n"), "no access is held");
    }
  }

  @Test
  @DisplayName("an interrupted device gives up its own access and no other")
  void interruptedDeviceAmongOthers() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> stays = held(SmmuGuest.NOWHERE, 1);
    Thread gone = reader(guest, SmmuGuest.NOWHERE + 4096);
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 2);
    gone.interrupt();
    gone.join();
    long[] words = guest.unit.snapshot().values("STALLS");
    assertEquals(9, words.length, "one access is held");
    assertEquals(SmmuGuest.NOWHERE, words[2]);
    assertThrows(TimeoutException.class, () -> stays.get(50, TimeUnit.MILLISECONDS));
    guest.command(STALL_TERM | SID, 0);
    assertTrue(Translation.isFault(get(stays)));
  }

  private static Thread reader(SmmuGuest guest, long iova) {
    Thread thread =
        new Thread(
            () ->
                guest.unit.port(SmmuGuest.STALLING).read(iova, MemorySegment.ofArray(new byte[4])));
    thread.start();
    return thread;
  }

  @Test
  @DisplayName("38: ranges and slices go on where software has mapped the page")
  void rangesAndSlices() {
    guest.start(SmmuGuest.ON);
    long page = guest.ram.allocate();
    DmaRuns runs = new DmaRuns(2);
    CompletableFuture<Long> range = new CompletableFuture<>();
    run(port -> range.complete(port.translateRange(SmmuGuest.NOWHERE, 64, Access.READ, runs)));
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 1);
    map();
    guest.command(RESUME | RETRY | SID, 0);
    assertEquals(64, get(range));
    assertEquals(SmmuGuest.OUTPUT + 0x3000, runs.address(0));
    CompletableFuture<Long> slice = new CompletableFuture<>();
    long iova = SmmuGuest.NOWHERE + 4096;
    run(
        port -> {
          MemorySegment bytes = port.slice(iova + 8, 8, Access.READ);
          slice.complete(bytes == null ? -1 : bytes.get(ValueLayout.JAVA_LONG, 0));
        });
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 2);
    guest.ram.put(page + 8, 0x4242);
    guest.tables.map(iova, page, 3, 1L << 10 | 1L << 6);
    guest.command(RESUME | RETRY | SID, 0);
    assertEquals(0x4242, get(slice));
  }

  @Test
  @DisplayName("40: a write, a batch and an atomic operation end silently or as refused")
  void endsOfOtherAccesses() {
    guest.start(SmmuGuest.ON);
    long[] iovas = {SmmuGuest.IOVA, SmmuGuest.NOWHERE};
    long[] answers = new long[2];
    ends(port -> (long) port.translate(iovas, answers, 0, 2, Access.READ), ABORT, 1);
    assertTrue(Translation.isFault(answers[1]));
    MemorySegment bytes = MemorySegment.ofArray(new byte[4]);
    ends(port -> port.write(SmmuGuest.NOWHERE, bytes), 0, 4);
    ends(port -> port.write(SmmuGuest.NOWHERE, bytes), ABORT, 0);
    ends(port -> port.fetchAdd(SmmuGuest.NOWHERE, 8, 1) | port.stoppedBy(), 0, 0);
    ends(port -> port.fetchAdd(SmmuGuest.NOWHERE, 8, 1) | port.stoppedBy() >>> 63, ABORT, 1);
  }

  /** An access that stalls, is resumed with {@code bits}, and gives what it is expected to. */
  private void ends(ToLongFunction<Port> access, long bits, long expected) {
    long before = guest.r(SmmuGuest.EVENTQ_PROD);
    CompletableFuture<Long> result = new CompletableFuture<>();
    run(port -> result.complete(access.applyAsLong(port)));
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) != before);
    guest.command(RESUME | bits | SID, 0);
    assertEquals(expected, get(result));
  }

  private void run(Consumer<Port> access) {
    Thread device =
        new Thread(
            () -> {
              Port port = guest.unit.port(SmmuGuest.STALLING);
              access.accept(port);
              port.done();
            });
    device.setDaemon(true);
    device.start();
  }

  @Test
  @DisplayName("62: a restored unit keeps the stall for the device that makes its access again")
  void stallsInASnapshot() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> first = held(SmmuGuest.NOWHERE, 1);
    Snapshot state = Snapshot.parse(guest.unit.snapshot().toString());
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(state);
    CompletableFuture<Long> again = access(other, SmmuGuest.NOWHERE);
    assertThrows(TimeoutException.class, () -> again.get(50, TimeUnit.MILLISECONDS));
    assertEquals(1, other.mmioRead(SmmuGuest.EVENTQ_PROD, 4), "no second record");
    map();
    guest.put(RESUME | RETRY | SID, 0);
    other.mmioWrite(SmmuGuest.CMDQ_PROD, 4, 1);
    assertEquals(SmmuGuest.OUTPUT + 0x3000, Translation.address(get(again)));
    guest.unit.restore(state);
    assertFalse(Translation.isFault(get(first)), "made again by the restore, and now mapped");
  }

  @Test
  @DisplayName("62: software resumes a restored stall that no device has made again")
  void resumedBeforeItIsMadeAgain() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> first = held(SmmuGuest.NOWHERE, 1);
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(guest.unit.snapshot());
    guest.put(RESUME | ABORT | SID, 0);
    other.mmioWrite(SmmuGuest.CMDQ_PROD, 4, 1);
    assertTrue(other.guestErrors().isEmpty(), "the tag was known");
    assertFalse(other.snapshot().toString().contains("STALLS "), "and is free");
    guest.w(0x20, 0);
    get(first);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 100000000, 'StreamID of 33 bits'",
    "1, fffffffffffffffe, 'SubstreamID below -1'",
    "1, 100000, 'SubstreamID of 21 bits'",
    "3, 100000001, 'access of 33 bits'",
    "3, 0, 'no access'",
    "4, 2, 'neither recorded nor not'",
    "6, 0, 'a record that did not stall'",
  })
  @DisplayName("62: a stalled access that no unit can hold is refused, and nothing changes")
  void impossibleStalls(int word, String value, String what) {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = held(SmmuGuest.NOWHERE, 1);
    String text = guest.unit.snapshot().toString();
    long[] words = Snapshot.parse(text).values("STALLS");
    words[word] = Long.parseUnsignedLong(value, 16);
    SmmuUnit other = guest.newUnit(Map.of());
    Snapshot fresh = other.snapshot();
    refused(other, text, words, what);
    words = Snapshot.parse(text).values("STALLS");
    long[] twice = Arrays.copyOf(words, 18);
    System.arraycopy(words, 0, twice, 9, 9);
    refused(other, text, twice, "a tag for two accesses");
    refused(other, text, Arrays.copyOf(words, 10), "part of an access");
    assertEquals(fresh, other.snapshot());
    guest.command(STALL_TERM | SID, 0);
    get(answer);
  }

  private static void refused(SmmuUnit unit, String text, long[] stalls, String what) {
    String line =
        LongStream.of(stalls).mapToObj(Long::toHexString).collect(Collectors.joining(" "));
    Snapshot bent = Snapshot.parse(text.replaceFirst("STALLS .*", "STALLS " + line));
    assertThrows(IllegalArgumentException.class, () -> unit.restore(bent), what);
  }
}
