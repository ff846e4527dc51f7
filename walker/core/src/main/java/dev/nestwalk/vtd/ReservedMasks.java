package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import java.util.Arrays;

/**
 * The reserved bits of every structure under given capabilities, all derived from the field
 * declarations: bits that no field names, address bits from the host address width on, and fields
 * whose capability is missing (VT-d 9.1 to 9.8).
 *
 * <p>Threads: immutable.
 */
final class ReservedMasks {
  final long root;
  final long rootHigh;
  final long scalableRoot;
  final long context;
  final long contextHigh;
  final long[] scalableContext = new long[ScalableContextEntry.STRUCTURE.words()];
  final long pasidDirectory;
  final long[] pasidEntry = new long[PasidTableEntry.STRUCTURE.words()];

  /**
   * Second stage: bits that are clear in an entry that points to a table, at any level. With PS an
   * entry is a page, or reserved at a level without pages.
   */
  final long secondTable;

  /**
   * Second stage: bits that are clear in a page's entry, by level; all bits at a level without
   * pages.
   */
  final long[] secondPage;

  /**
   * First stage: bits that are clear in an entry that points to a table, at any level; XD is
   * meaningful or ignored.
   */
  final long firstTable;

  /** First stage: bits that are clear in a page's entry, as {@link #secondPage}. */
  final long[] firstPage;

  /**
   * First stage with XD reserved (NXE=0 on a unit with execute requests): bits that are clear in an
   * entry that points to a table.
   */
  final long firstTableNoXd;

  /** First stage with XD reserved: bits that are clear in a page's entry, by level. */
  final long[] firstPageNoXd;

  ReservedMasks(VtdCapabilities unit) {
    long beyond = unit.beyondHost();
    long domain = unit.unsupportedDomainBits();
    root = RootEntry.STRUCTURE.reserved(0) | RootEntry.CTP.mask() & beyond;
    rootHigh = RootEntry.STRUCTURE.reserved(1);
    scalableRoot = ScalableRootEntry.STRUCTURE.reserved(0) | ScalableRootEntry.LCTP.mask() & beyond;
    context = ContextEntry.STRUCTURE.reserved(0) | ContextEntry.SSPTPTR.mask() & beyond;
    contextHigh = ContextEntry.STRUCTURE.reserved(1) | domain << ContextEntry.DID.lo() - 64;
    pasidDirectory =
        PasidDirectoryEntry.STRUCTURE.reserved(0) | PasidDirectoryEntry.SMPTBLPTR.mask() & beyond;
    unnamed(ScalableContextEntry.STRUCTURE, scalableContext);
    scalableContext[0] |= ScalableContextEntry.PASIDDIRPTR.mask() & beyond;
    without(unit, Ecap.DT, scalableContext, ScalableContextEntry.DTE);
    without(unit, Ecap.PASID, scalableContext, ScalableContextEntry.PASIDE);
    without(unit, Ecap.PRS, scalableContext, ScalableContextEntry.PRE);
    fillPasidEntry(unit, domain);
    long second = SecondStageEntry.ADDR.mask() & beyond;
    long snoop = Ecap.SC.in(unit.ecap()) ? 0 : SecondStageEntry.SNP.mask();
    secondTable = SecondStageEntry.TOP.reserved(0) | second;
    secondPage =
        pages(
            unit.secondStageLeafLevels(),
            second | snoop,
            SecondStageEntry.PAGE_4K,
            SecondStageEntry.PAGE_2M,
            SecondStageEntry.PAGE_1G);
    long first = FirstStageEntry.ADDR.mask() & beyond;
    firstTable = FirstStageEntry.TOP.reserved(0) | first;
    firstPage = firstPages(unit, first);
    firstTableNoXd = firstTable | FirstStageEntry.XD.mask();
    firstPageNoXd = firstPages(unit, first | FirstStageEntry.XD.mask());
  }

  private static long[] firstPages(VtdCapabilities unit, long more) {
    return pages(
        unit.firstStageLeafLevels(),
        more,
        FirstStageEntry.PAGE_4K,
        FirstStageEntry.PAGE_2M,
        FirstStageEntry.PAGE_1G);
  }

  /**
   * The reserved bits of pages by level.
   *
   * @param leafLevels the levels with pages, as bits
   * @param more bits that are reserved at each of them
   * @param structures the pages' entries, from level 1 on
   */
  private static long[] pages(int leafLevels, long more, Structure... structures) {
    long[] pages = new long[6];
    Arrays.fill(pages, -1);
    for (int i = 0; i < structures.length; i++) {
      int level = i + 1;
      if ((leafLevels >>> level & 1) != 0) {
        pages[level] = structures[i].reserved(0) | more;
      }
    }
    return pages;
  }

  private static void unnamed(Structure structure, long[] masks) {
    for (int word = 0; word < masks.length; word++) {
      masks[word] = structure.reserved(word);
    }
  }

  private static void without(
      VtdCapabilities unit, Field capability, long[] masks, Field... fields) {
    if (!capability.in(unit.ecap())) {
      for (Field field : fields) {
        masks[field.word()] |= field.mask();
      }
    }
  }

  private void fillPasidEntry(VtdCapabilities unit, long domain) {
    unnamed(PasidTableEntry.STRUCTURE, pasidEntry);
    pasidEntry[1] |= domain << PasidTableEntry.DID.lo() - 64;
    without(
        unit,
        Ecap.ERS,
        pasidEntry,
        PasidTableEntry.SSEE,
        PasidTableEntry.ERE,
        PasidTableEntry.NXE,
        PasidTableEntry.SMEP);
    without(unit, Ecap.SSADS, pasidEntry, PasidTableEntry.SSADE);
    without(unit, Ecap.SMPWCS, pasidEntry, PasidTableEntry.PWSNP);
    without(unit, Ecap.SC, pasidEntry, PasidTableEntry.PGSNP);
    without(unit, Ecap.SRS, pasidEntry, PasidTableEntry.SRE);
    without(unit, Ecap.EAFS, pasidEntry, PasidTableEntry.EAFE);
    without(
        unit,
        Ecap.MTS,
        pasidEntry,
        PasidTableEntry.CD,
        PasidTableEntry.EMTE,
        PasidTableEntry.EMT,
        PasidTableEntry.PWT,
        PasidTableEntry.PCD,
        PasidTableEntry.PAT);
  }
}
