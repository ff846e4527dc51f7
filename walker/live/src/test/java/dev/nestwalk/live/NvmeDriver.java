package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** The driver's side of an NVMe controller in a test's memory. */
final class NvmeDriver {
  static final long ADMIN_SUBMISSIONS = 0x1000;
  static final long ADMIN_COMPLETIONS = 0x2000;
  static final long SUBMISSIONS = 0x3000;
  static final long COMPLETIONS = 0x4000;
  static final int ENTRIES = 8;

  final MemoryDma memory = new MemoryDma();
  final List<String> lines = new ArrayList<>();
  final Nvme controller;
  private final int[] tails = new int[2];
  private final int[] heads = new int[2];
  private final int[] phases = {1, 1};
  private int id;

  /** A completion: what came back. */
  record Answer(int result, int status) {}

  NvmeDriver(Disk disk) {
    controller = new Nvme("nvme-test", 0x18, (source, pasid) -> memory, disk, this::say);
    controller.writeConfig(4, new byte[] {6, 0}); // memory space, bus master
    byte[] message = new byte[12];
    PciFunction.put(MemoryDma.MESSAGES, message);
    controller.writeConfig(0x44, java.util.Arrays.copyOf(message, 8));
    controller.writeConfig(0x4c, new byte[] {0x41, 0});
    controller.writeConfig(0x42, new byte[] {1, 0});
  }

  private synchronized void say(String line) {
    lines.add(line);
  }

  synchronized List<String> lines() {
    return List.copyOf(lines);
  }

  static void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, what);
      Thread.onSpinWait();
    }
  }

  int register(int offset) {
    byte[] value = new byte[4];
    controller.read(0, offset, value);
    return (int) PciFunction.value(value);
  }

  void register(int offset, int value) {
    byte[] bytes = new byte[4];
    PciFunction.put(value, bytes);
    controller.write(0, offset, bytes);
  }

  void wide(int offset, long value) {
    byte[] bytes = new byte[8];
    PciFunction.put(value, bytes);
    controller.write(0, offset, bytes);
  }

  /** Switches the controller on with its admin queue. */
  NvmeDriver enable() {
    register(0x24, ENTRIES - 1 | ENTRIES - 1 << 16);
    wide(0x28, ADMIN_SUBMISSIONS);
    wide(0x30, ADMIN_COMPLETIONS);
    tails[0] = 0;
    heads[0] = 0;
    phases[0] = 1;
    memory.memory.asSlice(ADMIN_COMPLETIONS, 0x1000).fill((byte) 0);
    register(0x14, 1 | 6 << 16 | 4 << 20);
    await("ready", () -> (register(0x1c) & 3) == 1);
    return this;
  }

  /** Makes the I/O queue pair. */
  NvmeDriver queues() {
    tails[1] = 0;
    heads[1] = 0;
    phases[1] = 1;
    memory.memory.asSlice(COMPLETIONS, 0x1000).fill((byte) 0);
    int size = 1 | ENTRIES - 1 << 16;
    assertEquals(0, ask(0, 0x05, 0, COMPLETIONS, 0, size, 3, 0).status);
    assertEquals(0, ask(0, 0x01, 0, SUBMISSIONS, 0, size, 1 | 1 << 16, 0).status);
    return this;
  }

  void put(int queue, int opcode, int namespace, long prp1, long prp2, int d10, int d11, int d12) {
    long at = (queue == 0 ? ADMIN_SUBMISSIONS : SUBMISSIONS) + 64L * tails[queue];
    for (int i = 0; i < 16; i++) {
      memory.half(at + 4L * i, 0);
    }
    memory.half(at, opcode | ++id << 16);
    memory.half(at + 4, namespace);
    memory.word(at + 24, prp1);
    memory.word(at + 32, prp2);
    memory.half(at + 40, d10);
    memory.half(at + 44, d11);
    memory.half(at + 48, d12);
    tails[queue] = (tails[queue] + 1) % ENTRIES;
  }

  void ring(int queue) {
    register(0x1000 + 8 * queue, tails[queue]);
  }

  /** The completion at the head of a queue, once it is there. */
  Answer take(int queue) {
    long at = (queue == 0 ? ADMIN_COMPLETIONS : COMPLETIONS) + 16L * heads[queue];
    await("completion", () -> (memory.half(at + 12) >>> 16 & 1) == phases[queue]);
    Answer answer = new Answer(memory.half(at), memory.half(at + 12) >>> 17);
    heads[queue]++;
    if (heads[queue] == ENTRIES) {
      heads[queue] = 0;
      phases[queue] ^= 1;
    }
    return answer;
  }

  void release(int queue) {
    register(0x1004 + 8 * queue, heads[queue]);
  }

  Answer ask(
      int queue, int opcode, int namespace, long prp1, long prp2, int d10, int d11, int d12) {
    put(queue, opcode, namespace, prp1, prp2, d10, d11, d12);
    ring(queue);
    Answer answer = take(queue);
    release(queue);
    return answer;
  }

  Answer read(long block, int blocks, long prp1, long prp2) {
    return ask(1, 2, 1, prp1, prp2, (int) block, (int) (block >>> 32), blocks - 1);
  }

  Answer write(long block, int blocks, long prp1, long prp2) {
    return ask(1, 1, 1, prp1, prp2, (int) block, (int) (block >>> 32), blocks - 1);
  }
}
