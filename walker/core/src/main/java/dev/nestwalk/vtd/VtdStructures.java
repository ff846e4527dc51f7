package dev.nestwalk.vtd;

import dev.nestwalk.format.Listing;
import dev.nestwalk.format.Listing.Unnamed;
import dev.nestwalk.format.Structure;
import java.util.List;

/** Every declared structure of VT-d, in the order in which a reader learns them. */
public final class VtdStructures {
  /** The structures. */
  public static final List<Listing> ALL =
      List.of(
          register(VersionRegister.STRUCTURE, "Version register at offset 0x00, read-only."),
          Listing.of(
              Cap.STRUCTURE,
              Unnamed.ELSEWHERE,
              "Capability register at offset 0x08, read-only: what the unit can do."),
          Listing.of(
              Ecap.STRUCTURE,
              Unnamed.ELSEWHERE,
              "Extended capability register at offset 0x10, read-only: modes and features."),
          register(
              GlobalCommand.STRUCTURE,
              "Global command register at offset 0x18, reads as 0: switches and commands."),
          register(
              GlobalStatus.STRUCTURE,
              "Global status register at offset 0x1c, read-only: what GCMD switched on."),
          Listing.of(
              RootTableAddress.STRUCTURE,
              Unnamed.RESERVED,
              "Root table address register at offset 0x20: mode, and where the tables begin."),
          register(
              ProtectedMemoryEnable.STRUCTURE, "Protected memory enable register at offset 0x64."),
          register(
              ProtectedMemoryEnable.LOW_REGION,
              "Begin of the low protected region, at offset 0x68; PLMLIMIT at 0x6c is alike."),
          Listing.of(
              ProtectedMemoryEnable.HIGH_REGION,
              Unnamed.ZERO,
              "Begin of the high protected region, at offset 0x70; PHMLIMIT at 0x78 is alike."),
          Listing.of(
              RegisterInvalidation.CONTEXT,
              Unnamed.ZERO,
              "Context command register at offset 0x28: invalidates context entries."),
          Listing.of(
              RegisterInvalidation.ADDRESS,
              Unnamed.ZERO,
              "Invalidate address register at offset 16*ECAP.IRO, reads as 0."),
          Listing.of(
              RegisterInvalidation.IOTLB,
              Unnamed.ZERO,
              "IOTLB invalidate register at offset 16*ECAP.IRO + 8."),
          register(
              FaultStatus.STRUCTURE,
              "Fault status register at offset 0x34: faults and queue errors."),
          register(
              EventRegisters.CONTROL,
              "Fault event control at offset 0x38; IECTL at 0xa0 and PECTL at 0xe0 are alike."),
          register(
              EventRegisters.DATA,
              "Fault event data at offset 0x3c; IEDATA at 0xa4 and PEDATA at 0xe4 are alike."),
          register(
              EventRegisters.ADDRESS,
              "Fault event address at offset 0x40; IEADDR at 0xa8 and PEADDR at 0xe8 are alike."),
          register(
              EventRegisters.UPPER_ADDRESS,
              "Fault event upper address at offset 0x44; IEUADDR at 0xac and PEUADDR at 0xec are"
                  + " alike."),
          Listing.of(
              QueueRegisters.HEAD,
              Unnamed.ZERO,
              "Invalidation queue head at offset 0x80, read-only."),
          Listing.of(
              QueueRegisters.TAIL,
              Unnamed.ZERO,
              "Invalidation queue tail at offset 0x88: a write is the doorbell."),
          Listing.of(
              QueueRegisters.ADDRESS,
              Unnamed.ZERO,
              "Invalidation queue address at offset 0x90, taken over when the queue is switched"
                  + " on."),
          register(
              QueueRegisters.COMPLETION, "Invalidation completion status register at offset 0x9c."),
          Listing.of(
              QueueRegisters.ERROR,
              Unnamed.ZERO,
              "Invalidation queue error record at offset 0xb0, read-only."),
          Listing.of(
              QueueRegisters.INTERRUPT_TABLE,
              Unnamed.ZERO,
              "Interrupt remapping table address at offset 0xb8, with ECAP.IR."),
          Listing.of(
              QueueRegisters.PAGE_HEAD,
              Unnamed.ZERO,
              "Page request queue head at offset 0xc0, with ECAP.PRS."),
          Listing.of(
              QueueRegisters.PAGE_TAIL,
              Unnamed.ZERO,
              "Page request queue tail at offset 0xc8, with ECAP.PRS."),
          Listing.of(
              QueueRegisters.PAGE_ADDRESS,
              Unnamed.ZERO,
              "Page request queue address at offset 0xd0, with ECAP.PRS."),
          register(
              QueueRegisters.PAGE_STATUS,
              "Page request status register at offset 0xdc, with ECAP.PRS."),
          Listing.of(
              RootEntry.STRUCTURE,
              Unnamed.RESERVED,
              "Legacy mode: one of 256, found by bus number; points to a context table."),
          Listing.of(
              ContextEntry.STRUCTURE,
              Unnamed.RESERVED,
              "Legacy mode: one of 256, found by device and function; says how to translate."),
          Listing.of(
              ScalableRootEntry.STRUCTURE,
              Unnamed.RESERVED,
              "Scalable mode: one of 256, found by bus number; points to two context tables."),
          Listing.of(
              ScalableContextEntry.STRUCTURE,
              Unnamed.RESERVED,
              "Scalable mode: one of 128, found by SID[6:0]; points to a PASID directory."),
          Listing.of(
              PasidDirectoryEntry.STRUCTURE,
              Unnamed.RESERVED,
              "Found by PASID[19:6]; points to a table of 64 PASID table entries."),
          Listing.of(
              PasidTableEntry.STRUCTURE,
              Unnamed.RESERVED,
              "Found by PASID[5:0]; says how to translate, and with which tables."),
          Listing.of(
              SecondStageEntry.TOP,
              Unnamed.RESERVED,
              "Levels 5 and 4 of the second stage: points to a table."),
          Listing.of(
              SecondStageEntry.TABLE,
              Unnamed.RESERVED,
              "Levels 3 and 2 of the second stage with PS=0: points to a table."),
          Listing.of(
              SecondStageEntry.PAGE_1G,
              Unnamed.RESERVED,
              "Level 3 of the second stage with PS=1, if CAP.SSLPS[1]: maps 1 GiB."),
          Listing.of(
              SecondStageEntry.PAGE_2M,
              Unnamed.RESERVED,
              "Level 2 of the second stage with PS=1, if CAP.SSLPS[0]: maps 2 MiB."),
          Listing.of(
              SecondStageEntry.PAGE_4K,
              Unnamed.RESERVED,
              "Level 1 of the second stage: maps 4 KiB."),
          Listing.of(
              FirstStageEntry.TOP,
              Unnamed.RESERVED,
              "Levels 5 and 4 of the first stage: points to a table."),
          Listing.of(
              FirstStageEntry.TABLE,
              Unnamed.RESERVED,
              "Levels 3 and 2 of the first stage with PS=0: points to a table."),
          Listing.of(
              FirstStageEntry.PAGE_1G,
              Unnamed.RESERVED,
              "Level 3 of the first stage with PS=1, if CAP.FS1GP: maps 1 GiB."),
          Listing.of(
              FirstStageEntry.PAGE_2M,
              Unnamed.RESERVED,
              "Level 2 of the first stage with PS=1: maps 2 MiB."),
          Listing.of(
              FirstStageEntry.PAGE_4K, Unnamed.RESERVED, "Level 1 of the first stage: maps 4 KiB."),
          Listing.of(
              FaultRecordFormat.STRUCTURE,
              Unnamed.ZERO,
              "Fault recording register i, at offset 16*CAP.FRO + 16*i: a refused request."),
          Listing.of(
              InvalidationDescriptor.CONTEXT_CACHE,
              Unnamed.RESERVED,
              "Type 1: context entries changed."),
          Listing.of(
              InvalidationDescriptor.IOTLB_INVALIDATE,
              Unnamed.RESERVED,
              "Type 2: translations of the second stage, or of a whole domain, changed."),
          Listing.of(
              InvalidationDescriptor.DEVICE_TLB_INVALIDATE,
              Unnamed.RESERVED,
              "Type 3: what a device keeps itself changed."),
          Listing.of(
              InvalidationDescriptor.INTERRUPT_ENTRY_INVALIDATE,
              Unnamed.RESERVED,
              "Type 4: interrupt remapping entries changed."),
          Listing.of(
              InvalidationDescriptor.WAIT_INVALIDATE,
              Unnamed.RESERVED,
              "Type 5: tell when all earlier descriptors are done."),
          Listing.of(
              InvalidationDescriptor.PASID_IOTLB_INVALIDATE,
              Unnamed.RESERVED,
              "Type 6, 256-bit queues only: translations of a PASID changed."),
          Listing.of(
              InvalidationDescriptor.PASID_CACHE_INVALIDATE,
              Unnamed.RESERVED,
              "Type 7, 256-bit queues only: PASID directory or table entries changed."),
          Listing.of(
              InvalidationDescriptor.PASID_DEVICE_TLB_INVALIDATE,
              Unnamed.RESERVED,
              "Type 8, 256-bit queues only: what a device keeps for a PASID changed."),
          Listing.of(
              InvalidationDescriptor.PAGE_RESPONSE,
              Unnamed.RESERVED,
              "Type 9: answers a group of page requests."),
          Listing.of(
              PageRequest.STRUCTURE,
              Unnamed.ZERO,
              "What the page request queue holds: a device asks for a page."));

  private static Listing register(Structure structure, String about) {
    return Listing.register32(structure, Unnamed.ZERO, about);
  }

  private VtdStructures() {}
}
