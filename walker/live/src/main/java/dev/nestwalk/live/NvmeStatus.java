package dev.nestwalk.live;

/** Status of a completed command: status code type 10..8, status code 7..0 (Base 1.4, 4.6.1). */
final class NvmeStatus {
  static final int DONE = 0;
  static final int INVALID_OPCODE = 0x01;
  static final int INVALID_FIELD = 0x02;
  static final int DATA_TRANSFER_ERROR = 0x04;
  static final int INVALID_NAMESPACE = 0x0b;
  static final int PRP_OFFSET_INVALID = 0x13;
  static final int LBA_OUT_OF_RANGE = 0x80;
  static final int COMPLETION_QUEUE_INVALID = 0x100;
  static final int INVALID_QUEUE_ID = 0x101;
  static final int INVALID_QUEUE_SIZE = 0x102;
  static final int TOO_MANY_EVENT_REQUESTS = 0x105;
  static final int INVALID_VECTOR = 0x108;
  static final int INVALID_LOG_PAGE = 0x109;
  static final int INVALID_QUEUE_DELETION = 0x10c;
  static final int WRITE_FAULT = 0x280;
  static final int READ_ERROR = 0x281;

  /** Do not retry: set for every error that a retry cannot cure. */
  static final int DO_NOT_RETRY = 1 << 14;

  private NvmeStatus() {}

  /** The status field of a completion, 15 bits. */
  static int field(int status) {
    boolean mayGetBetter = status == DONE || status == DATA_TRANSFER_ERROR || status >= WRITE_FAULT;
    return mayGetBetter ? status : status | DO_NOT_RETRY;
  }
}
