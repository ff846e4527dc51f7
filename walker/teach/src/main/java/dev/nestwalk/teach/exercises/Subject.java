package dev.nestwalk.teach.exercises;

import dev.nestwalk.Iommu;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The machine that an exercise is about, and one request of it. It lives as long as the arena in
 * which it was made.
 */
public final class Subject {
  /** Host address width of the VT-d machines. */
  public static final int HOST_ADDRESS_WIDTH = 46;

  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * One request.
   *
   * @param source requester id or StreamID
   * @param pasid PASID or SubstreamID, -1 without one
   * @param address input address
   * @param access bits of {@link dev.nestwalk.dma.Access}
   */
  public record Request(int source, int pasid, long address, int access) {
    Request at(long other) {
      return new Request(source, pasid, other, access);
    }

    Request asking(int other) {
      return new Request(source, pasid, address, other);
    }
  }

  private record Part(long first, MemorySegment bytes) {}

  private final Format format;
  private final List<Part> parts = new ArrayList<>();
  private final Map<String, Long> registers;
  private final Request request;
  private final List<Geometry> stages;

  Subject(Format format, Map<String, Long> registers, Request request, List<Geometry> stages) {
    this.format = format;
    this.registers = new LinkedHashMap<>(registers);
    this.request = request;
    this.stages = List.copyOf(stages);
  }

  /** Adds memory at its own addresses. */
  Subject with(TableMemory memory) {
    for (TableMemory.Run run : memory.runs()) {
      parts.add(new Part(run.first(), run.bytes()));
    }
    return this;
  }

  /** Adds a guest's memory, each page of which is elsewhere in the host. */
  Subject with(GuestPages guest) {
    guest.eachPage((host, bytes) -> parts.add(new Part(host, bytes)));
    return this;
  }

  /** The format. */
  public Format format() {
    return format;
  }

  /** The request that the exercise is about. */
  public Request request() {
    return request;
  }

  /** Registers by architectural name. */
  public Map<String, Long> registers() {
    return registers;
  }

  /** Geometry of the stages that the request passes, first stage first. */
  public List<Geometry> stages() {
    return stages;
  }

  /** The only stage. */
  Geometry stage() {
    return stages.get(0);
  }

  /** This machine with another request. */
  Subject asking(Request other) {
    Subject copy = new Subject(format, registers, other, stages);
    copy.parts.addAll(parts);
    return copy;
  }

  /** A machine with equal content that lives as long as {@code arena}. */
  public Subject copy(Arena arena) {
    Subject copy = new Subject(format, registers, request, stages);
    for (Part part : parts) {
      MemorySegment bytes = arena.allocate(part.bytes.byteSize(), 4096);
      bytes.copyFrom(part.bytes);
      copy.parts.add(new Part(part.first, bytes));
    }
    return copy;
  }

  private Part partOf(long address) {
    for (Part part : parts) {
      if (Long.compareUnsigned(address - part.first, part.bytes.byteSize() - 8) <= 0) {
        return part;
      }
    }
    throw new IllegalArgumentException("no memory at " + Text.hex(address));
  }

  /** The word at a physical address. */
  public long word(long address) {
    Part part = partOf(address);
    return part.bytes.get(WORD, address - part.first);
  }

  /** Writes the word at a physical address. */
  public void put(long address, long word) {
    Part part = partOf(address);
    part.bytes.set(WORD, address - part.first, word);
  }

  private GuestMemory.Builder builder() {
    GuestMemory.Builder builder = GuestMemory.builder();
    parts.forEach(part -> builder.ram(part.first, part.bytes));
    return builder;
  }

  /** An IOMMU over this machine's memory. */
  public Iommu iommu() {
    return format == Format.VTD
        ? Iommu.vtd(builder().build(), registers, HOST_ADDRESS_WIDTH)
        : Iommu.smmuv3(builder().build(), registers);
  }

  private Trace trace(GuestMemory memory, Request asked) {
    Reference reference =
        format == Format.VTD
            ? References.vtd(memory, registers, HOST_ADDRESS_WIDTH)
            : References.smmuv3(memory, registers);
    return reference.translate(asked.source, asked.pasid, asked.address, asked.access);
  }

  /** The reference walker's walk of a request; memory is not changed. */
  Trace trace(Request asked) {
    return trace(builder().readOnly().build(), asked);
  }

  /** The reference walker's walk of the exercise's request; memory is not changed. */
  Trace trace() {
    return trace(request);
  }

  /** The reference walker's walk, which updates flags in memory. */
  Trace walk(Request asked) {
    return trace(builder().build(), asked);
  }

  /** The table entries that a walk reads. */
  static List<Step> reads(Trace trace) {
    return trace.steps().stream()
        .filter(step -> step.stage() > 0 && !step.read().isEmpty())
        .toList();
  }
}
