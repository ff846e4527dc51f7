package dev.nestwalk.cli;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.Faults;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Numbers;
import dev.nestwalk.teach.Progress;
import dev.nestwalk.teach.Walker;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** One DMA, by the fast walker. */
@Command(
    name = "translate",
    mixinStandardHelpOptions = true,
    description = "Translates one DMA; prints a line per contiguous piece, or the fault.",
    footer = {
      "",
      "Example: nestwalk translate fixtures/captures/vtd/linux72-legacy-48"
          + " --source 00:02.0 --iova 0xffffc000 --length 64K"
    })
final class TranslateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ImageOptions imageOptions = new ImageOptions();
  @Mixin private DmaOptions dma = new DmaOptions();

  @Option(
      names = "--length",
      paramLabel = "N",
      converter = NumberOptions.Length.class,
      description = "Bytes to translate from --iova on: hexadecimal, or 64K, 2M (default: 1).")
  private long length;

  TranslateCommand() {}

  @Override
  public Integer call() throws IOException {
    Image image = imageOptions.load();
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      return translate(image, Walker.fast(image, memory));
    }
  }

  private int translate(Image image, Walker walker) {
    PrintWriter out = spec.commandLine().getOut();
    dma.check(image);
    if (length == 0) {
      return single(image, walker, out);
    }
    long last = dma.iova() + (length - 1);
    if (Long.compareUnsigned(last, dma.iova()) < 0) {
      throw new InputException(
          "--length: 0x%x bytes from 0x%x on pass the end of the address space"
              .formatted(length, dma.iova()));
    }
    Piece piece = Piece.NONE;
    try (Progress progress = new Progress(spec.commandLine().getErr())) {
      for (long iova = dma.iova(); ; ) {
        progress.at("translating, KiB:", (iova - dma.iova()) >>> 10, length >>> 10);
        long answer = walker.translate(dma.source(), dma.pasid(), iova, dma.access());
        if (Translation.isFault(answer)) {
          piece.print(out);
          out.println(Faults.describe(image.format(), walker.lastFault()));
          return Main.NO;
        }
        long left = Translation.span(answer) - (iova & Translation.span(answer) - 1);
        long wanted = last - iova + 1;
        long size = wanted == 0 || Long.compareUnsigned(left, wanted) < 0 ? left : wanted;
        Piece next = new Piece(Translation.address(answer), size, Translation.rights(answer));
        if (piece.continuesAt(next)) {
          piece = new Piece(piece.address, piece.size + size, piece.rights);
        } else {
          piece.print(out);
          piece = next;
        }
        if (iova + (size - 1) == last) {
          break;
        }
        iova += size;
      }
    }
    piece.print(out);
    return Main.DONE;
  }

  private int single(Image image, Walker walker, PrintWriter out) {
    long answer = walker.translate(dma.source(), dma.pasid(), dma.iova(), dma.access());
    if (Translation.isFault(answer)) {
      out.println(Faults.describe(image.format(), walker.lastFault()));
      return Main.NO;
    }
    new Piece(Translation.address(answer), Translation.span(answer), Translation.rights(answer))
        .print(out);
    return Main.DONE;
  }

  private record Piece(long address, long size, int rights) {
    static final Piece NONE = new Piece(0, 0, 0);

    boolean continuesAt(Piece next) {
      return size != 0 && address + size == next.address && rights == next.rights;
    }

    void print(PrintWriter out) {
      if (size != 0) {
        out.println(
            "ok 0x%x size=%s perm=%s"
                .formatted(address, Numbers.size(size), Access.describe(rights)));
      }
    }
  }
}
