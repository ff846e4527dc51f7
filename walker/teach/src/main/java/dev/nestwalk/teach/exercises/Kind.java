package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** A kind of exercise: one question, asked for the formats to which it applies. */
public enum Kind {
  /** Index of an entry. */
  TABLE_INDEX(
      Topic.ADDRESSES, Formats.BOTH, "which index of a table a walk reads", Addresses::tableIndex),
  /** Address of an entry. */
  ENTRY_ADDRESS(
      Topic.ADDRESSES, Formats.BOTH, "where a walk reads an entry", Addresses::entryAddress),
  /** Where an entry points. */
  NEXT_TABLE(Topic.ADDRESSES, Formats.BOTH, "where the next table is", Addresses::nextTable),
  /** Output of a leaf. */
  LEAF_OUTPUT(
      Topic.ADDRESSES, Formats.BOTH, "what a leaf makes of an address", Addresses::leafOutput),
  /** Address from indices. */
  WHICH_ADDRESS(
      Topic.ADDRESSES, Formats.BOTH, "which address has these indices", Addresses::whichAddress),
  /** Canonical addresses. */
  CANONICAL_ADDRESS(
      Topic.ADDRESSES, Formats.VTD, "which address is canonical", Addresses::canonical),
  /** Widest address. */
  WIDEST_ADDRESS(
      Topic.ADDRESSES, Formats.VTD, "how far a second stage reaches", Addresses::widestAddress),
  /** Start level. */
  START_LEVEL(
      Topic.ADDRESSES, Formats.SMMUV3, "at which level a walk starts", StartTables::startLevel),
  /** Concatenated tables. */
  CONCATENATED_TABLES(
      Topic.ADDRESSES,
      Formats.SMMUV3,
      "how many start tables are concatenated",
      StartTables::joinedTables),
  /** Size of the start table. */
  START_TABLE_SIZE(
      Topic.ADDRESSES, Formats.SMMUV3, "how large a start table is", StartTables::startTableSize),
  /** Lower or upper range. */
  WHICH_RANGE(Topic.ADDRESSES, Formats.SMMUV3, "TTB0, TTB1 or neither", StartTables::whichRange),
  /** Edge of a range. */
  RANGE_LIMIT(Topic.ADDRESSES, Formats.SMMUV3, "where a range ends", StartTables::rangeLimit),
  /** Granule. */
  WHICH_GRANULE(
      Topic.ADDRESSES,
      Formats.SMMUV3,
      "which granule a context descriptor says",
      Addresses::readsAs),
  /** Context entry. */
  CONTEXT_ENTRY(Topic.LOOKUP, Formats.VTD, "where a context entry is", Lookup::contextEntry),
  /** PASID directory entry. */
  DIRECTORY_ENTRY(
      Topic.LOOKUP, Formats.VTD, "where a PASID directory entry is", Lookup::directoryEntry),
  /** PASID table entry. */
  PASID_ENTRY(Topic.LOOKUP, Formats.VTD, "where a PASID table entry is", Lookup::pasidEntry),
  /** Highest PASID. */
  PASID_LIMIT(Topic.LOOKUP, Formats.VTD, "how far a PASID directory reaches", Lookup::pasidLimit),
  /** STE. */
  STREAM_ENTRY(
      Topic.LOOKUP, Formats.SMMUV3, "where an STE is, two levels", StreamLookup::streamEntry),
  /** Span of a level 1 descriptor. */
  STREAM_SPAN(
      Topic.LOOKUP,
      Formats.SMMUV3,
      "which StreamIDs a descriptor serves",
      StreamLookup::streamSpan),
  /** CD. */
  CONTEXT_DESCRIPTOR(
      Topic.LOOKUP,
      Formats.SMMUV3,
      "where a context descriptor is",
      StreamLookup::contextDescriptor),
  /** S1DSS. */
  SUBSTREAM_RULE(
      Topic.LOOKUP, Formats.SMMUV3, "what S1DSS makes of a request", StreamLookup::substreamRule),
  /** Stages. */
  WHICH_STAGES(Topic.LOOKUP, Formats.BOTH, "which stages translate", Lookup::whichStages),
  /** Output address. */
  OUTPUT_ADDRESS(
      Topic.WALKS, Formats.BOTH, "the output address of one stage", Walks::outputAddress),
  /** Page size. */
  PAGE_SIZE(Topic.WALKS, Formats.BOTH, "the size of a page", Walks::pageSize),
  /** Rights. */
  RIGHTS(Topic.WALKS, Formats.BOTH, "the rights that all levels leave", Walks::rights),
  /** Intermediate address. */
  INTERMEDIATE_ADDRESS(
      Topic.WALKS,
      Formats.BOTH,
      "what the first stage gives the second",
      Walks::intermediateAddress),
  /** Place of a guest's table. */
  GUEST_TABLE(
      Topic.WALKS, Formats.BOTH, "where a guest's table entry lies in memory", Walks::guestTable),
  /** Nested output. */
  NESTED_OUTPUT(
      Topic.WALKS, Formats.BOTH, "the output address of both stages", Walks::nestedOutput),
  /** Span of a nested translation. */
  NESTED_SPAN(Topic.WALKS, Formats.BOTH, "how far a nested translation holds", Walks::nestedSpan),
  /** Outputs of 52 bits. */
  WIDE_OUTPUT(Topic.WALKS, Formats.SMMUV3, "an output address of 52 bits", Walks::wideOutput),
  /** Big-endian tables. */
  BIG_ENDIAN_OUTPUT(
      Topic.WALKS,
      Formats.SMMUV3,
      "the output address of big-endian tables",
      Walks::bigEndianOutput),
  /** Reads of one stage. */
  READS_SINGLE(Topic.COSTS, Formats.BOTH, "how many entries one stage reads", Costs::readsSingle),
  /** Reads of both. */
  READS_NESTED(Topic.COSTS, Formats.BOTH, "how many entries both stages read", Costs::readsNested),
  /** Reads of the configuration. */
  READS_CONFIGURATION(
      Topic.COSTS,
      Formats.BOTH,
      "how many reads find the configuration",
      Costs::readsConfiguration),
  /** Tables needed. */
  TABLES_NEEDED(Topic.COSTS, Formats.BOTH, "how many tables a buffer takes", Costs::tablesNeeded),
  /** IOTLB entries. */
  IOTLB_ENTRIES(
      Topic.COSTS, Formats.BOTH, "how many IOTLB entries a buffer takes", Costs::iotlbEntries),
  /** IOTLB reach. */
  IOTLB_REACH(Topic.COSTS, Formats.BOTH, "how far an IOTLB reaches", Costs::iotlbReach),
  /** Which fault. */
  WHICH_FAULT(
      Topic.FAULTS, Formats.BOTH, "which fault broken tables lead to", FaultKinds::whichFault),
  /** Level of a fault. */
  FAULT_LEVEL(Topic.FAULTS, Formats.BOTH, "at which level a walk ends", FaultKinds::faultLevel),
  /** Part of a nested walk. */
  FAULT_PLACE(
      Topic.FAULTS, Formats.BOTH, "which part of a nested walk fails", FaultKinds::faultPlace),
  /** CLASS of an event. */
  EVENT_CLASS(Topic.FAULTS, Formats.SMMUV3, "which CLASS an event has", FaultKinds::eventClass),
  /** Which of two. */
  FAULT_PRIORITY(
      Topic.FAULTS, Formats.BOTH, "which of two faults is reported", FaultKinds::faultPriority),
  /** Who is refused. */
  REFUSED_REQUEST(
      Topic.FAULTS, Formats.BOTH, "which request is refused", Permissions::refusedRequest),
  /** Recorded or not. */
  IS_RECORDED(Topic.FAULTS, Formats.BOTH, "whether a fault is recorded", FaultKinds::isRecorded),
  /** Writing a record. */
  RECORD_WORD(Topic.FAULTS, Formats.BOTH, "which record a fault leaves", Records::recordWord),
  /** Reading a record. */
  READ_RECORD(Topic.FAULTS, Formats.BOTH, "what a record tells", Records::readRecord),
  /** Bit to flip. */
  REPAIR_BIT(Topic.REPAIRS, Formats.BOTH, "which bit repairs a table", Repairs::repairBit),
  /** Word to write. */
  REPAIR_WORD(Topic.REPAIRS, Formats.BOTH, "which entry leads elsewhere", Repairs::repairWord),
  /** Field to change. */
  REPAIR_CONFIGURATION(
      Topic.REPAIRS,
      Formats.BOTH,
      "which field of the configuration is wrong",
      Repairs::repairConfiguration),
  /** Flags in a leaf. */
  WORD_AFTER(Topic.FLAGS, Formats.BOTH, "what a leaf is after an access", FlagKinds::wordAfter),
  /** Flags in all entries. */
  WORDS_CHANGED(
      Topic.FLAGS, Formats.BOTH, "how many words an access changes", FlagKinds::wordsChanged),
  /** Smallest invalidation of translations. */
  SMALLEST_INVALIDATION(
      Topic.INVALIDATIONS,
      Formats.BOTH,
      "which invalidation suffices for changed tables",
      InvalidationKinds::smallestInvalidation),
  /** Smallest invalidation of a configuration. */
  CONFIGURATION_INVALIDATION(
      Topic.INVALIDATIONS,
      Formats.BOTH,
      "which invalidation suffices for a changed configuration",
      InvalidationKinds::configurationInvalidation),
  /** Effect of an invalidation. */
  WHAT_IS_DROPPED(
      Topic.INVALIDATIONS,
      Formats.BOTH,
      "what an invalidation drops",
      InvalidationKinds::whatIsDropped),
  /** Encoding of an invalidation. */
  DESCRIPTOR_WORD(
      Topic.INVALIDATIONS,
      Formats.BOTH,
      "how an invalidation is written",
      InvalidationKinds::descriptorWord),
  /** AM. */
  ADDRESS_MASK(
      Topic.INVALIDATIONS,
      Formats.VTD,
      "which AM covers some pages",
      InvalidationKinds::addressMask),
  /** NUM and SCALE. */
  RANGE_COMMAND(
      Topic.INVALIDATIONS,
      Formats.SMMUV3,
      "which NUM covers some pages",
      InvalidationKinds::rangeCommand),
  /** Completion of a translation request. */
  ATS_REPLY(Topic.ATS, Formats.BOTH, "what a translation request is answered", AtsKinds::reply),
  /** Address field of a completion. */
  ATS_ADDRESS(
      Topic.ATS, Formats.BOTH, "how a completion states address and size", AtsKinds::address),
  /** Bus addresses. */
  BINDS_BUS(Topic.REGIONS, Formats.BOTH, "which regions bind bus addresses", RegionKinds::bindsBus),
  /** Intermediate addresses. */
  BINDS_INTERMEDIATE(
      Topic.REGIONS,
      Formats.BOTH,
      "which regions bind intermediate addresses",
      RegionKinds::bindsIntermediate),
  /** What a policy enforces. */
  ENFORCED_REGIONS(
      Topic.REGIONS, Formats.BOTH, "which regions a policy keeps free", RegionKinds::enforced),
  /** Room for identity. */
  IDENTITY_ROOM(
      Topic.REGIONS, Formats.BOTH, "where identity is possible", RegionKinds::identityRoom),
  /** DMA into a region. */
  RESERVED_DMA(
      Topic.REGIONS, Formats.BOTH, "what becomes of a DMA into a region", RegionKinds::refusedDma),
  /** Refused attachments. */
  REFUSED_ATTACHMENT(
      Topic.REGIONS,
      Formats.BOTH,
      "which policies refuse an attachment",
      RegionKinds::attachRefused);

  /** The formats to which a kind applies. */
  private static final class Formats {
    static final Set<Format> BOTH = EnumSet.allOf(Format.class);
    static final Set<Format> VTD = EnumSet.of(Format.VTD);
    static final Set<Format> SMMUV3 = EnumSet.of(Format.SMMUV3);
  }

  /** Makes an exercise of a kind. */
  private interface Maker {
    Exercise make(Draft draft, Chance chance, Arena arena);
  }

  private final Topic topic;

  // Unmodifiable, and below a method reference without state: the checker knows neither.
  @SuppressWarnings("ImmutableEnumChecker")
  private final Set<Format> formats;

  private final String summary;

  @SuppressWarnings("ImmutableEnumChecker")
  private final Maker maker;

  Kind(Topic topic, Set<Format> formats, String summary, Maker maker) {
    this.topic = topic;
    this.formats = Collections.unmodifiableSet(formats);
    this.summary = summary;
    this.maker = maker;
  }

  /** The name in options. */
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The topic. */
  public Topic topic() {
    return topic;
  }

  /** The formats to which it applies. */
  public Set<Format> formats() {
    return formats;
  }

  /** The question in a few words. */
  public String summary() {
    return summary;
  }

  /** Makes an exercise whose machine lives in {@code arena}. */
  Exercise make(Chance chance, Format format, Arena arena) {
    return maker.make(new Draft(this, format), chance, arena);
  }
}
