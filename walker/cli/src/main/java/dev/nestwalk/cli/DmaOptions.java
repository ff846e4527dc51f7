package dev.nestwalk.cli;

import dev.nestwalk.dma.Access;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import picocli.CommandLine.Option;

/** Which DMA. */
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

  /** Refuses what the image's format cannot have. */
  void check(Image image) {
    check(image, source, "--source");
  }

  /** The same for an id that another option gave. */
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

  int access() {
    return write ? Access.WRITE : Access.READ;
  }
}
