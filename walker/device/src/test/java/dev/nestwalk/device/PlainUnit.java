package dev.nestwalk.device;

import dev.nestwalk.Iommu;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/** A unit with one register (offset 0), which notes what ports report. */
final class PlainUnit extends Unit {
  final List<String> faults = new ArrayList<>();
  final BlockingQueue<Stall> stalls = new LinkedBlockingQueue<>();
  final List<Stall> withdrawn = new ArrayList<>();
  private boolean stalling;

  /** What happens while a refusal is recorded. */
  Runnable whileRecording = () -> {};

  private long register;

  PlainUnit(Iommu iommu, UnitOptions options) {
    super(iommu, options);
  }

  static GuestMemory over(TableMemory tables) {
    GuestMemory.Builder builder = GuestMemory.builder();
    tables.runs().forEach(run -> builder.ram(run.first(), run.bytes()));
    return builder.build();
  }

  /** From now on refused accesses are held. */
  PlainUnit stalling() {
    stalling = true;
    return this;
  }

  @Override
  long read(long offset, int size) {
    return offset == 0 ? register : 0;
  }

  @Override
  void write(long offset, int size, long value) {
    register = offset == 0 ? value : register;
    if (offset == 8) {
      settle();
    }
  }

  void change(Map<String, Long> registers) {
    reconfigure(registers, true);
  }

  @Override
  @Nullable Stall fault(Port port, FaultRecord fault) {
    faults.add("%x %x".formatted(fault.code(), fault.iova()));
    whileRecording.run();
    if (!stalling || !Translation.isFault(fault.translation())) {
      return null;
    }
    Stall stall = new Stall(fault.iova());
    stalls.add(stall);
    return stall;
  }

  @Override
  void withdraw(Stall stall) {
    withdrawn.add(stall);
  }

  @Override
  void pageRequest(Port port, long iova, int access, int group, boolean last) {}

  @Override
  void clear() {
    register = 0;
  }

  @Override
  Snapshot save() {
    return new Snapshot.Builder("plain").put("REGISTER", register).build();
  }

  @Override
  void load(Snapshot snapshot) {
    register = snapshot.value("REGISTER");
  }
}
