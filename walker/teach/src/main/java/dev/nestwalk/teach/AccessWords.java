package dev.nestwalk.teach;

import dev.nestwalk.dma.Access;

/** Kinds of requests in words. */
final class AccessWords {
  /**
   * The request in words, for example {@code "privileged read"}.
   *
   * @param access {@link Access} bits
   */
  static String of(int access) {
    String privileged = has(access, Access.PRIVILEGED) ? "privileged " : "";
    if (has(access, Access.TRANSLATION_REQUEST)) {
      String noWrite = has(access, Access.WRITE) ? "" : " without write";
      return privileged + "translation request" + noWrite;
    }
    String kind;
    if ((access & Access.ATOMIC) == Access.ATOMIC) {
      kind = "atomic";
    } else if (has(access, Access.EXECUTE)) {
      kind = "instruction fetch";
    } else if (has(access, Access.ZERO_LENGTH)) {
      kind = "zero-length read";
    } else {
      kind = has(access, Access.WRITE) ? "write" : "read";
    }
    return privileged + (has(access, Access.TRANSLATED) ? "translated " : "") + kind;
  }

  private static boolean has(int access, int bit) {
    return (access & bit) != 0;
  }

  private AccessWords() {}
}
