package dev.nestwalk.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.stream.Stream;

/** What a run of the command gave. */
record Result(int status, String out, String err) {
  /** Runs the command with these words. */
  static Result of(Object... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] arguments = Stream.of(words).map(String::valueOf).toArray(String[]::new);
    int status = Main.run(new PrintWriter(out), new PrintWriter(err, true), arguments);
    return new Result(status, out.toString(), err.toString());
  }

  /** Runs one of its commands with these words. */
  static Result of(String command, Object[] words) {
    return of(Stream.concat(Stream.of(command), Stream.of(words)).toArray());
  }
}
