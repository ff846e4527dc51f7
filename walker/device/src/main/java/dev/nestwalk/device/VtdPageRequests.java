package dev.nestwalk.device;

import dev.nestwalk.dma.Access;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultCode;
import dev.nestwalk.vtd.FaultRecordFormat;
import dev.nestwalk.vtd.InvalidationDescriptor;
import dev.nestwalk.vtd.PageRequest;
import dev.nestwalk.vtd.QueueRegisters;

/**
 * The page request queue of a VT-d unit (VT-d 7.4, 7.5): devices ask software for pages, software
 * answers by page group responses.
 *
 * <p>What finds no room is answered by the unit itself if it ends its group, with success unless
 * the embedder chose another code: the device then asks again.
 *
 * <p>Threads: guarded by the unit's lock.
 */
final class VtdPageRequests {
  private static final int ENTRY = 32;
  private static final int PAGE = 4096;
  private static final int MAX_GROUP = 0x1ff;

  private final VtdUnit unit;
  private final VtdRegisters layout;
  private final RegisterBlock registers;
  private final VtdFaultLog faults;
  private final VtdEvent event;
  private final VtdRequester requester;
  private final GuestMemory memory;
  private PageResponses.Code overflow = PageResponses.Code.SUCCESS;

  VtdPageRequests(
      VtdUnit unit,
      VtdRegisters layout,
      RegisterBlock registers,
      VtdFaultLog faults,
      VtdEvent event) {
    this.unit = unit;
    this.layout = layout;
    this.registers = registers;
    this.faults = faults;
    this.event = event;
    memory = unit.options().memory();
    requester = new VtdRequester(memory, layout.ecap);
  }

  /** What a request that ends its group is answered with when it finds no room. */
  void setOverflowResponse(PageResponses.Code code) {
    overflow = code;
  }

  /**
   * A request of a device.
   *
   * @param pasid PASID, -1 for none
   * @param access {@link Access} bits, 0 with {@code last} for a stop marker
   * @param group page request group index, 9 bits
   * @param last whether it ends its group
   */
  void request(int sourceId, int pasid, long iova, int access, int group, boolean last) {
    boolean isStop = last && (access & Access.ATOMIC) == 0;
    boolean answered = last && !isStop;
    long queue = registers.get64(VtdRegisters.PQA);
    boolean served = Ecap.PRS.in(layout.ecap) && unit.isTranslating();
    int refusal = served ? refusal(sourceId, pasid) : 0;
    if (refusal != 0) {
      record(refusal, sourceId, pasid, iova, access);
    }
    if (!served || refusal != 0 || !QueueRegisters.PQA.in(queue)) {
      unit.guestErrors().count("page request that no queue takes", "PQA");
      answer(answered, sourceId, pasid, group, PageResponses.Code.INVALID);
      return;
    }
    if (registers.has(VtdRegisters.PRS, QueueRegisters.PRO.mask())) {
      answer(answered, sourceId, pasid, group, overflow);
      return;
    }
    int end = PAGE << QueueRegisters.PQS.get(queue);
    long tail = registers.get64(VtdRegisters.PQT) % end;
    long head = registers.get64(VtdRegisters.PQH) % end;
    long next = (tail + ENTRY) % end;
    if (next == head) {
      status(QueueRegisters.PRO.mask());
      answer(answered, sourceId, pasid, group, overflow);
      return;
    }
    dropTranslation(pasid, iova);
    if (!write(
        (queue & QueueRegisters.PQA.mask()) + tail, sourceId, pasid, iova, access, group, last)) {
      unit.guestErrors().count("entry cannot be written, no memory there", "page request queue");
      answer(answered, sourceId, pasid, group, PageResponses.Code.FAILURE);
      return;
    }
    registers.set64(VtdRegisters.PQT, next);
    status(QueueRegisters.PPR.mask());
  }

  /** The fault reason that refuses the request, or 0. */
  private int refusal(int sourceId, int pasid) {
    long root = unit.rootInForce();
    return VtdRequester.isScalable(root)
        ? requester.resolve(root, sourceId, pasid)
        : FaultCode.RTA_3;
  }

  /** A request that cannot be queued is a fault like one of a DMA; T1 and T2 tell it apart. */
  private void record(int reason, int sourceId, int pasid, long iova, int access) {
    if (reason != FaultCode.RTA_3 && requester.hidesFaults(reason)) {
      return;
    }
    long high =
        (long) sourceId << FaultRecordFormat.SID.lo() - Long.SIZE
            | (long) reason << FaultRecordFormat.FR.lo() - Long.SIZE
            | FaultRecordFormat.T2.mask();
    if (pasid >= 0) {
      high |= FaultRecordFormat.PP.mask() | (long) pasid << FaultRecordFormat.PV.lo() - Long.SIZE;
      high |= (access & Access.PRIVILEGED) != 0 ? FaultRecordFormat.PRIV.mask() : 0;
      high |= (access & Access.EXECUTE) != 0 ? FaultRecordFormat.EXE.mask() : 0;
    }
    faults.post(iova & FaultRecordFormat.FI.mask(), high);
  }

  /** The implicit invalidation of the page that a request is for (7.11). */
  private void dropTranslation(int pasid, long iova) {
    unit.iommu()
        .vtdInvalidations()
        .pasidIotlbPages(
            requester.domain(), pasid < 0 ? requester.ridPasid() : pasid, iova, 0, true);
  }

  private boolean write(
      long at, int sourceId, int pasid, long iova, int access, int group, boolean last) {
    long low = PageRequest.TYPE_PAGE | (long) sourceId << PageRequest.RID.lo();
    if (pasid >= 0) {
      low |= PageRequest.PP.mask() | (long) pasid << PageRequest.PASID.lo();
      low |= (access & Access.EXECUTE) != 0 ? PageRequest.EXE.mask() : 0;
      low |= (access & Access.PRIVILEGED) != 0 ? PageRequest.PRIV.mask() : 0;
    }
    long high =
        iova & PageRequest.ADDR.mask()
            | (long) (group & MAX_GROUP) << PageRequest.PRGI.lo() - Long.SIZE;
    high |= (access & Access.READ) != 0 ? PageRequest.RD.mask() : 0;
    high |= (access & Access.WRITE) != 0 ? PageRequest.WR.mask() : 0;
    high |= last ? PageRequest.LPIG.mask() : 0;
    return QueueMemory.write(memory, at, low, high, 0, 0);
  }

  /** Sets a status; raises the event if none was set before. */
  private void status(long bit) {
    long any = QueueRegisters.PPR.mask() | QueueRegisters.PRO.mask();
    boolean first = !registers.has(VtdRegisters.PRS, any);
    registers.raise(VtdRegisters.PRS, bit);
    if (first) {
      event.raise();
    }
  }

  /** Software wrote PRS. */
  void statusWritten() {
    if (!registers.has(VtdRegisters.PRS, QueueRegisters.PPR.mask() | QueueRegisters.PRO.mask())) {
      event.serviced();
    }
  }

  private void answer(boolean wanted, int sourceId, int pasid, int group, PageResponses.Code code) {
    if (wanted) {
      unit.options().pageResponses().respond(sourceId, pasid, group & MAX_GROUP, code);
    }
  }

  /** A page group response of software. */
  void respond(long low, long high) {
    PageResponses.Code code =
        switch ((int) InvalidationDescriptor.RC.get(low)) {
          case 0 -> PageResponses.Code.SUCCESS;
          case 1 -> PageResponses.Code.INVALID;
          default -> PageResponses.Code.FAILURE;
        };
    boolean has = InvalidationDescriptor.PP.in(low);
    unit.options()
        .pageResponses()
        .respond(
            (int) InvalidationDescriptor.SID_LOW.get(low),
            has ? (int) InvalidationDescriptor.PASID.get(low) : -1,
            (int) InvalidationDescriptor.PRGI.get(high),
            code);
  }
}
