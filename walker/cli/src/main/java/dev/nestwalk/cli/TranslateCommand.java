package dev.nestwalk.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
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

/** Translates one DMA with the fast walker. */
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

  @Mixin private TextOrJson format = new TextOrJson();

  TranslateCommand() {}

  @Override
  public Integer call() throws IOException {
    Image image = imageOptions.load();
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      Walker walker = Walker.fast(image, memory);
      Answer answer = format.isJson() ? new JsonAnswer(image) : new TextAnswer(image);
      int status = translate(image, walker, answer);
      answer.end();
      return status;
    }
  }

  /** Receives the pieces in order, then the fault if there is one. */
  private interface Answer {
    void piece(Piece piece);

    void fault(FaultRecord fault);

    void end();
  }

  private final class TextAnswer implements Answer {
    private final PrintWriter out = spec.commandLine().getOut();
    private final Image image;

    private TextAnswer(Image image) {
      this.image = image;
    }

    @Override
    public void piece(Piece piece) {
      out.println(
          "ok 0x%x size=%s perm=%s"
              .formatted(piece.address, Numbers.size(piece.size), Access.describe(piece.rights)));
    }

    @Override
    public void fault(FaultRecord fault) {
      out.println(Faults.describe(image.format(), fault));
    }

    @Override
    public void end() {
      out.flush();
    }
  }

  private final class JsonAnswer implements Answer {
    private final JsonObject json = new JsonObject();
    private final JsonArray pieces = new JsonArray();
    private final Image image;

    private JsonAnswer(Image image) {
      this.image = image;
      json.addProperty("version", 1);
      json.addProperty("image", image.name());
      json.addProperty("source", Numbers.hex(Integer.toUnsignedLong(dma.source())));
      json.addProperty("pasid", dma.pasid() < 0 ? null : Numbers.hex(dma.pasid()));
      json.addProperty("iova", Numbers.hex(dma.iova()));
      json.addProperty("access", Access.describe(dma.access()));
      json.add("pieces", pieces);
      json.add("fault", JsonNull.INSTANCE);
    }

    @Override
    public void piece(Piece piece) {
      JsonObject one = new JsonObject();
      one.addProperty("iova", Numbers.hex(piece.iova));
      one.addProperty("output", Numbers.hex(piece.address));
      one.addProperty("size", Numbers.hex(piece.size));
      one.addProperty("perm", Access.describe(piece.rights));
      pieces.add(one);
    }

    @Override
    public void fault(FaultRecord fault) {
      json.add("fault", Faults.json(image.format(), fault));
    }

    @Override
    public void end() {
      TextOrJson.print(spec.commandLine().getOut(), json);
    }
  }

  private int translate(Image image, Walker walker, Answer out) {
    dma.check(image);
    if (length == 0) {
      return single(walker, out);
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
          piece.tell(out);
          out.fault(walker.lastFault());
          return Main.NO;
        }
        long left = Translation.span(answer) - (iova & Translation.span(answer) - 1);
        long wanted = last - iova + 1;
        long size = wanted == 0 || Long.compareUnsigned(left, wanted) < 0 ? left : wanted;
        Piece next = new Piece(iova, Translation.address(answer), size, Translation.rights(answer));
        if (piece.continuesAt(next)) {
          piece = new Piece(piece.iova, piece.address, piece.size + size, piece.rights);
        } else {
          piece.tell(out);
          piece = next;
        }
        if (iova + (size - 1) == last) {
          break;
        }
        iova += size;
      }
    }
    piece.tell(out);
    return Main.DONE;
  }

  private int single(Walker walker, Answer out) {
    long answer = walker.translate(dma.source(), dma.pasid(), dma.iova(), dma.access());
    if (Translation.isFault(answer)) {
      out.fault(walker.lastFault());
      return Main.NO;
    }
    out.piece(
        new Piece(
            dma.iova(),
            Translation.address(answer),
            Translation.span(answer),
            Translation.rights(answer)));
    return Main.DONE;
  }

  private record Piece(long iova, long address, long size, int rights) {
    static final Piece NONE = new Piece(0, 0, 0, 0);

    boolean continuesAt(Piece next) {
      return size != 0 && address + size == next.address && rights == next.rights;
    }

    void tell(Answer out) {
      if (size != 0) {
        out.piece(this);
      }
    }
  }
}
