package dev.nestwalk.cli;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.teach.Explanation;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Numbers;
import dev.nestwalk.teach.TraceReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Another walk for the same page: {@code ADDRESS}, {@code [IMAGE,]SOURCE[/PASID],ADDRESS[,w]} or
 * {@code FILE.json}, a walk that was saved as JSON.
 *
 * @param image null for the command's own image
 * @param request null for the command's own request, or one with another address
 * @param saved null unless the walk comes from a file
 */
record AlsoWalk(
    @Nullable Path image,
    Explanation.@Nullable Request request,
    long iova,
    @Nullable Explanation saved) {
  private static final String EXPECTED =
      "expected ADDRESS, [IMAGE,]SOURCE[/PASID],ADDRESS[,w] or FILE.json";

  /**
   * Parses the option's text.
   *
   * @throws InputException with a message of one line
   */
  static AlsoWalk parse(String text) {
    if (text.endsWith(".json") && !text.contains(",")) {
      return new AlsoWalk(null, null, 0, saved(Path.of(text)));
    }
    List<String> parts = new ArrayList<>(List.of(text.split(",", -1)));
    int access = Access.READ;
    if (parts.size() > 1 && parts.getLast().matches("[rw]")) {
      access = parts.removeLast().equals("w") ? Access.WRITE : Access.READ;
    }
    Long iova = Numbers.hexOrNull(parts.removeLast());
    if (iova == null) {
      throw new InputException("--also '%s': %s".formatted(text, EXPECTED));
    }
    if (parts.isEmpty()) {
      return new AlsoWalk(null, null, iova, null);
    }
    String[] requester = parts.removeLast().split("/", 2);
    Explanation.Request request;
    try {
      int source = new NumberOptions.Source().convert(requester[0]);
      int pasid = requester.length == 2 ? new NumberOptions.Pasid().convert(requester[1]) : -1;
      request = new Explanation.Request(source, pasid, iova, access);
    } catch (picocli.CommandLine.TypeConversionException e) {
      throw new InputException("--also '%s': %s".formatted(text, e.getMessage()));
    }
    Path image = parts.isEmpty() ? null : Path.of(String.join(",", parts));
    return new AlsoWalk(image, request, iova, null);
  }

  private static Explanation saved(Path file) {
    try {
      return TraceReader.read(Files.readString(file));
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + IoReason.of(e) + ")");
    } catch (IllegalArgumentException e) {
      throw new InputException(file + ": " + e.getMessage());
    }
  }
}
