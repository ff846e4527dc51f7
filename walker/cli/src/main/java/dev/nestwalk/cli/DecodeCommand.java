package dev.nestwalk.cli;

import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.decode.DecodedJson;
import dev.nestwalk.teach.decode.FaultLog;
import dev.nestwalk.teach.decode.Finding;
import dev.nestwalk.teach.decode.Values;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Explains fault lines, records, descriptors, commands and structures. */
@Command(
    name = "decode",
    mixinStandardHelpOptions = true,
    description = {
      "Explains a fault line of a log, a fault or event record, or a structure.",
      "Prints every field, likely causes, and what to look at next.",
      "Without TEXT it reads a log (dmesg, QEMU's, Xen's) from standard input, and sums it up per"
          + " device."
    },
    footer = {
      "",
      "TEXT is a line as printed, a file with a log, or the name of a structure and",
      "its 64-bit words, the lowest first: event, frcd, command, descriptor, or any",
      "name that nestwalk fields lists.",
      "",
      "Example: dmesg | nestwalk decode",
      "         nestwalk decode frcd 80000005000000d0:0",
      "         nestwalk decode ste 0x100000d 0x0"
    })
final class DecodeCommand implements Callable<Integer> {
  /** Number of findings that are shown in full; the summary counts all of them. */
  private static final int MOST_SHOWN = 50;

  private static final int LONGEST_LINE = 1 << 16;
  private static final int SHOWN_TEXT = 60;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "TEXT", arity = "0..*", description = "A line, or a name and words.")
  private List<String> texts = new ArrayList<>();

  @Option(names = "--format", paramLabel = "F", description = "text (default) or json.")
  private InspectCommand.Format format = InspectCommand.Format.text;

  private final List<Finding> shown = new ArrayList<>();
  private final Set<String> seen = new HashSet<>();

  DecodeCommand() {}

  @Override
  public Integer call() throws IOException {
    FaultLog log = new FaultLog(this::found);
    Path file = texts.size() == 1 ? asFile(texts.get(0)) : null;
    boolean input = texts.isEmpty() || texts.equals(List.of("-")) || file != null;
    if (file != null) {
      try (InputStream bytes = Files.newInputStream(file)) {
        read(log, bytes);
      }
    } else if (input) {
      try {
        read(log, System.in);
      } catch (IOException e) {
        throw new InputException("standard input: " + IoReason.of(e));
      }
    } else {
      Finding value = Values.of(texts);
      if (value != null) {
        print(List.of(value), log);
        return Main.DONE;
      }
      String.join(" ", texts).lines().forEach(log::line);
    }
    log.end();
    if (log.unread() > 0) {
      spec.commandLine()
          .getErr()
          .println(
              "nestwalk: %d of %d lines left out, which is a defect of nestwalk; the first is %s"
                  .formatted(log.unread(), log.lines(), printable(log.firstUnread())));
    }
    if (log.findings() == 0 && !input) {
      throw new InputException(
          ("'%s': expected a fault line, or a structure's name with its words"
                  + " of up to 64 bits in hexadecimal")
              .formatted(printable(String.join(" ", texts))));
    }
    print(shown, log);
    return log.findings() == 0 ? Main.NO : Main.DONE;
  }

  private static @Nullable Path asFile(String text) {
    try {
      Path path = Path.of(text);
      // Also a pipe, as the shell makes one of <(dmesg).
      return Files.exists(path) && !Files.isDirectory(path) ? path : null;
    } catch (InvalidPathException e) {
      return null;
    }
  }

  private static String printable(String text) {
    String cut = text.length() > SHOWN_TEXT ? text.substring(0, SHOWN_TEXT) + "..." : text;
    return cut.replaceAll("[^\\x20-\\x7e]", "?");
  }

  /** Shows one finding of each kind per device in full. */
  private void found(Finding finding) {
    if (shown.size() < MOST_SHOWN && seen.add(finding.device() + " " + finding.title())) {
      shown.add(finding);
    }
  }

  private static void read(FaultLog log, InputStream bytes) throws IOException {
    // A log may hold anything; a line without an end must not fill the memory.
    BufferedReader in =
        new BufferedReader(new InputStreamReader(bytes, StandardCharsets.ISO_8859_1));
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c >= 0; c = in.read()) {
      if (c == '\n') {
        log.line(line.toString());
        line.setLength(0);
      } else if (line.length() < LONGEST_LINE && c != '\r') {
        line.append((char) c);
      }
    }
    if (line.length() > 0) {
      log.line(line.toString());
    }
  }

  private void print(List<Finding> findings, FaultLog log) {
    PrintWriter out = spec.commandLine().getOut();
    if (format == InspectCommand.Format.json) {
      out.print(DecodedJson.of(findings, log.devices(), log.lines(), log.findings()));
      out.flush();
      return;
    }
    for (int i = 0; i < findings.size(); i++) {
      out.print((i == 0 ? "" : "\n") + findings.get(i).text());
    }
    if (findings.isEmpty() || log.lines() > 1) {
      summary(out, findings.size(), log);
    }
    out.flush();
  }

  private static void summary(PrintWriter out, int shown, FaultLog log) {
    String lines = log.lines() + (log.lines() == 1 ? " line" : " lines");
    if (log.findings() == 0) {
      out.println("no fault in " + lines);
      return;
    }
    out.println();
    out.println(
        "%d %s in %s, %d of them shown above"
            .formatted(log.findings(), log.findings() == 1 ? "fault" : "faults", lines, shown));
    for (FaultLog.Device device : log.devices()) {
      out.println(
          "%s: %d, first %s, last %s"
              .formatted(device.name(), device.count(), device.first(), device.last()));
      device.reasons().entrySet().stream()
          .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
          .forEach(
              reason -> out.println("  %d x %s".formatted(reason.getValue(), reason.getKey())));
    }
  }
}
