package dev.nestwalk.smmu;

import dev.nestwalk.format.Listing;
import dev.nestwalk.format.Listing.Unnamed;
import dev.nestwalk.format.Structure;
import java.util.List;

/**
 * Every declared structure of SMMUv3 and its tables, in the order in which a reader learns them.
 */
public final class SmmuStructures {
  /** The structures. */
  public static final List<Listing> ALL =
      List.of(
          register(Idr0.STRUCTURE, "Identification register at 0x000: stages, formats, models."),
          register(Idr1.STRUCTURE, "Identification register at 0x004: sizes of ids."),
          register(Idr3.STRUCTURE, "Identification register at 0x00c: later features."),
          register(Idr5.STRUCTURE, "Identification register at 0x014: address sizes, granules."),
          register(Cr0.STRUCTURE, "Control register at 0x020: what is switched on."),
          register(
              Cr1.STRUCTURE, "Control register at 0x028: attributes of the SMMU's own traffic."),
          register(Cr2.STRUCTURE, "Control register at 0x02c."),
          register(Gbpa.STRUCTURE, "Register at 0x044: what happens while translation is off."),
          register(IrqControl.STRUCTURE, "Register at 0x050: which sources interrupt."),
          register(GlobalError.STRUCTURE, "Register at 0x060; GERRORN at 0x064 acknowledges."),
          Listing.of(
              InterruptConfig.CFG0,
              Unnamed.UNUSED,
              "Register at 0x068, 64 bits; at 0x0b0 and 0x0d0 for the two queues."),
          register(InterruptConfig.CFG1, "Register at 0x070; 0x0b8 and 0x0d8 for the two queues."),
          register(InterruptConfig.CFG2, "Register at 0x074; 0x0bc for the event queue."),
          register(InterruptConfig.PRIQ_CFG2, "Register at 0x0dc."),
          Listing.of(
              QueueBase.STRUCTURE,
              Unnamed.UNUSED,
              "Register at 0x090, 64 bits; EVENTQ_BASE at 0x0a0 and PRIQ_BASE at 0x0c0 are alike."),
          register(QueueIndex.COMMAND_PROD, "Register at 0x098: commands up to here are written."),
          register(QueueIndex.COMMAND_CONS, "Register at 0x09c: commands up to here are consumed."),
          register(
              QueueIndex.EVENT_PROD,
              "Register at 0x100a8; EVENTQ_CONS at 0x100ac, PRIQ_PROD at 0x100c8, PRIQ_CONS at"
                  + " 0x100cc."),
          Listing.of(
              StreamTableBase.STRUCTURE,
              Unnamed.UNUSED,
              "Register at 0x080, 64 bits: where the stream table is."),
          register(StreamTableConfig.STRUCTURE, "Register at 0x088: shape of the stream table."),
          memory(
              L1StreamDescriptor.STRUCTURE,
              "Two-level stream tables: found by the upper StreamID bits; points to STEs."),
          memory(
              StreamTableEntry.STRUCTURE,
              "One per StreamID: which stages translate, stage 2 itself, where the CDs are."),
          memory(
              L1ContextDescriptor.STRUCTURE,
              "Two-level CD tables: found by the upper SubstreamID bits; points to CDs."),
          memory(ContextDescriptor.STRUCTURE, "One per SubstreamID: stage 1."),
          memory(Stage1Descriptor.TABLE, "Stage 1, levels below 3: points to the next table."),
          memory(Stage1Descriptor.BLOCK, "Stage 1, levels that allow blocks: maps a large page."),
          memory(Stage1Descriptor.PAGE, "Stage 1, level 3: maps a page."),
          memory(Stage2Descriptor.TABLE, "Stage 2, levels below 3: points to the next table."),
          memory(Stage2Descriptor.BLOCK, "Stage 2, levels that allow blocks: maps a large page."),
          memory(Stage2Descriptor.PAGE, "Stage 2, level 3: maps a page."),
          event(
              EventRecord.TRANSLATION,
              "F_TRANSLATION, F_ADDR_SIZE, F_ACCESS, F_PERMISSION (0x10 to 0x13)."),
          event(EventRecord.WALK, "F_WALK_EABT (0x0b): a descriptor could not be read."),
          event(
              EventRecord.FORBIDDEN,
              "F_TRANSL_FORBIDDEN (0x07), and F_BAD_ATS_TREQ (0x05) without RNW."),
          event(
              EventRecord.FETCH,
              "F_STE_FETCH (0x03), F_CD_FETCH (0x09): a structure could not be read."),
          event(
              EventRecord.CONFIGURATION,
              "C_BAD_STREAMID, C_BAD_STE, C_BAD_SUBSTREAMID, C_BAD_CD and F_STREAM_DISABLED."),
          event(PageRequest.STRUCTURE, "What the page request queue holds."),
          memory(Command.PREFETCH, "Opcode 0x02, and 0x01 without the address: a hint."),
          memory(Command.CONFIG_STREAM, "Opcode 0x03: an STE changed."),
          memory(Command.CONFIG_STREAMS, "Opcode 0x04: STEs changed; RANGE 31 is CMD_CFGI_ALL."),
          memory(Command.CONFIG_CONTEXT, "Opcode 0x05: a CD changed."),
          memory(Command.CONFIG_CONTEXTS, "Opcode 0x06: any CD of a stream changed."),
          memory(
              Command.TLBI_ALL,
              "Opcode 0x10: stage 1 of a VMID changed. 0x28, CMD_TLBI_S12_VMALL: either stage."),
          memory(Command.TLBI_ASID, "Opcode 0x11: an address space changed. 0x21 for EL2."),
          memory(
              Command.TLBI_VA,
              "Opcode 0x12: pages of an address space changed. 0x22 for EL2, without VMID."),
          memory(
              Command.TLBI_IPA,
              "Opcode 0x2a: pages of stage 2 changed. 0x13, CMD_TLBI_NH_VAA: of any ASID."),
          memory(Command.ATC, "Opcode 0x40: what a device keeps itself changed."),
          memory(Command.RESPONSE, "Opcode 0x41: answers a group of page requests."),
          memory(
              Command.RESUMING,
              "Opcode 0x44: ends a stall. 0x45, CMD_STALL_TERM: all of a stream."),
          memory(Command.COMPLETION, "Opcode 0x46: everything before it has taken effect."));

  private static Listing register(Structure structure, String about) {
    return Listing.register32(structure, Unnamed.ELSEWHERE, about);
  }

  private static Listing memory(Structure structure, String about) {
    return Listing.of(structure, Unnamed.UNUSED, about);
  }

  private static Listing event(Structure structure, String about) {
    return Listing.of(structure, Unnamed.ZERO, about);
  }

  private SmmuStructures() {}
}
