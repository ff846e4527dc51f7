package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

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
   * Second stage: reserved bits by level, for an entry that points to a table (PS unsupported or
   * absent).
   */
  final long[] secondTable = new long[6];

  /** Second stage: reserved bits by level, for an entry that maps a page. */
  final long[] secondLeaf = new long[6];

  /** Second stage: bits that are clear in an entry that points to a table, at any level. */
  final long secondIllegal;

  /**
   * Second stage: bits that are clear in a page's entry, by level; all bits at a level without
   * pages.
   */
  final long[] secondPage = new long[6];

  /**
   * First stage: bits that are clear in an entry that points to a table, at any level; without XD.
   */
  final long firstIllegal;

  /**
   * First stage: bits that are clear in a page's entry, by level; all bits at a level without
   * pages.
   */
  final long[] firstPage = new long[6];

  /** First stage with XD reserved: bits that are clear in a page's entry, by level. */
  final long[] firstPageNoXd = new long[6];

  /** First stage with XD meaningful or ignored: reserved bits of table entries, by level. */
  final long[] firstTable = new long[6];

  /** First stage with XD meaningful or ignored: reserved bits of pages, by level. */
  final long[] firstLeaf = new long[6];

  /**
   * First stage with XD reserved (NXE=0 on a unit with execute requests): reserved bits of table
   * entries, by level.
   */
  final long[] firstTableNoXd = new long[6];

  /** First stage with XD reserved: reserved bits of pages, by level. */
  final long[] firstLeafNoXd = new long[6];

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
    fillSecondStage(unit, beyond);
    fillFirstStage(unit, beyond);
    secondIllegal = illegal(SecondStageEntry.PS, secondTable);
    firstIllegal = illegal(FirstStageEntry.PS, firstTable);
    fillPages(unit.secondStageLeafLevels(), secondLeaf, secondPage);
    fillPages(unit.firstStageLeafLevels(), firstLeaf, firstPage);
    fillPages(unit.firstStageLeafLevels(), firstLeafNoXd, firstPageNoXd);
  }

  private static long illegal(Field pageSize, long[] tables) {
    long illegal = pageSize.mask();
    for (int level = 2; level <= 5; level++) {
      illegal |= tables[level];
    }
    return illegal;
  }

  private static void fillPages(int leafLevels, long[] leaves, long[] pages) {
    for (int level = 1; level <= 5; level++) {
      pages[level] = level == 1 || (leafLevels >>> level & 1) != 0 ? leaves[level] : -1;
    }
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

  private void fillSecondStage(VtdCapabilities unit, long beyond) {
    long address = SecondStageEntry.ADDR.mask() & beyond;
    long snoop = Ecap.SC.in(unit.ecap()) ? 0 : SecondStageEntry.SNP.mask();
    for (int level = 1; level <= 5; level++) {
      // Without the capability for a page at this level, PS itself is reserved.
      boolean top = level > 3 || (unit.secondStageLeafLevels() >>> level & 1) == 0;
      secondTable[level] =
          (top ? SecondStageEntry.TOP : SecondStageEntry.TABLE).reserved(0) | address;
    }
    secondLeaf[1] = SecondStageEntry.PAGE_4K.reserved(0) | address | snoop;
    secondLeaf[2] = SecondStageEntry.PAGE_2M.reserved(0) | address | snoop;
    secondLeaf[3] = SecondStageEntry.PAGE_1G.reserved(0) | address | snoop;
  }

  private void fillFirstStage(VtdCapabilities unit, long beyond) {
    long address = FirstStageEntry.ADDR.mask() & beyond;
    for (int level = 1; level <= 5; level++) {
      boolean top = level > 3 || (unit.firstStageLeafLevels() >>> level & 1) == 0;
      firstTable[level] = (top ? FirstStageEntry.TOP : FirstStageEntry.TABLE).reserved(0) | address;
    }
    firstLeaf[1] = FirstStageEntry.PAGE_4K.reserved(0) | address;
    firstLeaf[2] = FirstStageEntry.PAGE_2M.reserved(0) | address;
    firstLeaf[3] = FirstStageEntry.PAGE_1G.reserved(0) | address;
    for (int level = 1; level <= 5; level++) {
      firstTableNoXd[level] = firstTable[level] | FirstStageEntry.XD.mask();
      firstLeafNoXd[level] = firstLeaf[level] | FirstStageEntry.XD.mask();
    }
  }
}
