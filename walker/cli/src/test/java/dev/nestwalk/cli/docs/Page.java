package dev.nestwalk.cli.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.ext.heading.anchor.IdGenerator;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Code;
import org.commonmark.node.FencedCodeBlock;
import org.commonmark.node.Heading;
import org.commonmark.node.HtmlBlock;
import org.commonmark.node.Image;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.Text;
import org.commonmark.parser.IncludeSourceSpans;
import org.commonmark.parser.Parser;

/** A Markdown file: its fenced blocks, its links and the anchors that others may link to. */
final class Page {
  private static final Pattern NOTE = Pattern.compile("<!--\\s*(not run|file):\\s*(.+?)\\s*-->");
  private static final Parser PARSER =
      Parser.builder()
          .extensions(List.of(TablesExtension.create()))
          .includeSourceSpans(IncludeSourceSpans.BLOCKS_AND_INLINES)
          .build();

  /**
   * A fenced block.
   *
   * @param line where it begins
   * @param language what stands behind the fence
   * @param notRun the reason that a comment before it gives not to run it, or empty
   * @param file the name that a comment before it gives it, or empty
   */
  record Block(int line, String language, String text, String notRun, String file) {}

  /** A link or image. */
  record Target(int line, String destination) {}

  private final Path file;
  private final List<Block> blocks = new ArrayList<>();
  private final List<Target> targets = new ArrayList<>();
  private final Set<String> anchors = new HashSet<>();

  private Page(Path file, String text) {
    this.file = file;
    IdGenerator ids = IdGenerator.builder().build();
    PARSER
        .parse(text)
        .accept(
            new AbstractVisitor() {
              @Override
              public void visit(FencedCodeBlock block) {
                Matcher note = noteBefore(block);
                boolean noted = note.find();
                String kind = noted ? note.group(1) : "";
                blocks.add(
                    new Block(
                        line(block),
                        block.getInfo(),
                        block.getLiteral(),
                        kind.equals("not run") ? note.group(2) : "",
                        kind.equals("file") ? note.group(2) : ""));
              }

              @Override
              public void visit(Heading heading) {
                anchors.add(ids.generateId(plain(heading)));
                visitChildren(heading);
              }

              @Override
              public void visit(Link link) {
                targets.add(new Target(line(link), link.getDestination()));
                visitChildren(link);
              }

              @Override
              public void visit(Image image) {
                targets.add(new Target(line(image), image.getDestination()));
                visitChildren(image);
              }
            });
  }

  /** Reads a file. */
  static Page read(Path file) throws IOException {
    return new Page(file, Files.readString(file));
  }

  /** For tests of this class. */
  static Page of(Path file, String text) {
    return new Page(file, text);
  }

  Path file() {
    return file;
  }

  List<Block> blocks() {
    return blocks;
  }

  List<Target> targets() {
    return targets;
  }

  /** The headings as the fragments of links name them. */
  Set<String> anchors() {
    return anchors;
  }

  private static Matcher noteBefore(Node block) {
    Node before = block.getPrevious();
    return NOTE.matcher(before instanceof HtmlBlock html ? html.getLiteral() : "");
  }

  private static int line(Node node) {
    return node.getSourceSpans().isEmpty() ? 0 : node.getSourceSpans().get(0).getLineIndex() + 1;
  }

  private static String plain(Node heading) {
    StringBuilder text = new StringBuilder();
    heading.accept(
        new AbstractVisitor() {
          @Override
          public void visit(Text part) {
            text.append(part.getLiteral());
          }

          @Override
          public void visit(Code part) {
            text.append(part.getLiteral());
          }
        });
    return text.toString();
  }
}
