package dev.nestwalk.cli;

import dev.nestwalk.dma.Access;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import picocli.CommandLine.Option;

/** Options that describe a DMA request. */
final class DmaOptions {
  @Option(
      names = "--source",
      required = true,
      paramLabel = "S",
      converter = NumberOptions.Source.class,
      description = "Requester id: 0x0010, 00:02.0 or 0000:00:02.0; SMMUv3: StreamID.")
  private int source;

  @Option(
      names = "--pasid",
      paramLabel = "P",
      converter = NumberOptions.Pasid.class,
      description = "PASID (SubstreamID), hexadecimal; without it the request has none.")
  private int pasid = -1;

  @Option(
      names = "--iova",
      required = true,
      paramLabel = "A",
      converter = NumberOptions.Address.class,
      description = "Address that the device uses, hexadecimal with or without 0x.")
  private long iova;

  @Option(names = "--write", description = "The DMA is a write (default: a read).")
  private boolean write;

  @Option(names = "--atomic", description = "An atomic operation: read and write at once.")
  private boolean atomic;

  @Option(names = "--execute", description = "The read fetches instructions.")
  private boolean execute;

  @Option(names = "--privileged", description = "A privileged request.")
  private boolean privileged;

  @Option(names = "--zero-length", description = "A read of no byte, also called a flush.")
  private boolean zeroLength;

  @Option(
      names = "--translation-request",
      description =
          "An ATS translation request; its No-Write bit is set unless --write or --atomic is"
              + " given.")
  private boolean translationRequest;

  @Option(
      names = "--translated",
      description = "The address was translated by the device before (ATS).")
  private boolean translated;

  /** Refuses values that the image's format does not allow. */
  void check(Image image) {
    check(image, source, "--source");
  }

  /** Refuses a requester id, from another option, that the image's format does not allow. */
  static void check(Image image, int source, String option) {
    if (image.isVtd() && source >>> 16 != 0) {
      throw new InputException("%s 0x%x: expected 16 bits for VT-d".formatted(option, source));
    }
  }

  int source() {
    return source;
  }

  int pasid() {
    return pasid;
  }

  long iova() {
    return iova;
  }

  /** The request's {@link Access} bits. */
  int access() {
    int access = atomic ? Access.ATOMIC : write ? Access.WRITE : Access.READ;
    if (translationRequest) {
      access |= Access.READ | Access.TRANSLATION_REQUEST;
    }
    access |= execute ? Access.EXECUTE : 0;
    access |= privileged ? Access.PRIVILEGED : 0;
    access |= zeroLength ? Access.ZERO_LENGTH : 0;
    access |= translated ? Access.TRANSLATED : 0;
    if (!Access.isValid(access)) {
      throw new InputException(
          "these options exclude each other: --execute and --zero-length go with a read or a"
              + " translation request, --translated does not go with --translation-request");
    }
    return access;
  }
}
