package dev.nestwalk.dma;

/**
 * The last refusal of a translator. Each fault overwrites it, so that reporting costs no
 * allocation; copy what must outlive the next translation.
 *
 * <p>The architectural record has 128 bits for VT-d (7.3; word 0 is the low half, word 1 the high
 * half) and 256 bits for SMMUv3 (words 0 to 3 in memory order). It is present only if {@link
 * #isRecorded()}. There is none for a fault that software asked not to record (VT-d FPD) or that
 * the architecture does not report.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class FaultRecord {
  private int sourceId;
  private int pasid = -1;
  private long iova;
  private int access;
  private long translation;
  private long intermediate;
  private boolean recorded;
  private long word0;
  private long word1;
  private long word2;
  private long word3;

  /** Makes an empty record. */
  public FaultRecord() {}

  /** Requester id or StreamID of the refused request. */
  public int sourceId() {
    return sourceId;
  }

  /** PASID or SubstreamID of the refused request, or -1 if it had none. */
  public int pasid() {
    return pasid;
  }

  /** Byte address that the request was for. */
  public long iova() {
    return iova;
  }

  /** {@link Access} bits of the request. */
  public int access() {
    return access;
  }

  /** The packed refusal: code, stage, level. */
  public long translation() {
    return translation;
  }

  /** Code of the refusal, either architectural or one of {@link Outcome}. */
  public int code() {
    return Translation.code(translation);
  }

  /** Intermediate address (GPA, IPA) at fault in stage 2 of a nested walk, otherwise 0. */
  public long intermediate() {
    return intermediate;
  }

  /** Whether the architecture records this fault; if not, the words hold no record. */
  public boolean isRecorded() {
    return recorded;
  }

  /**
   * A 64-bit word of the record, or 0 if nothing was recorded.
   *
   * @param index 0 to 3
   * @throws IndexOutOfBoundsException for another index
   */
  public long word(int index) {
    return switch (index) {
      case 0 -> word0;
      case 1 -> word1;
      case 2 -> word2;
      case 3 -> word3;
      default -> throw new IndexOutOfBoundsException("record word " + index + ": expected 0 to 3");
    };
  }

  /** For walkers: begins a record with the request and its refusal, and clears the rest. */
  public void begin(int newSourceId, int newPasid, long newIova, int newAccess, long refusal) {
    sourceId = newSourceId;
    pasid = newPasid;
    iova = newIova;
    access = newAccess;
    translation = refusal;
    intermediate = 0;
    recorded = false;
    word0 = 0;
    word1 = 0;
    word2 = 0;
    word3 = 0;
  }

  /** For walkers: sets the intermediate address at fault. */
  public void setIntermediate(long address) {
    intermediate = address;
  }

  /** For walkers: attaches the architectural record. */
  public void record(long first, long second, long third, long fourth) {
    recorded = true;
    word0 = first;
    word1 = second;
    word2 = third;
    word3 = fourth;
  }
}
