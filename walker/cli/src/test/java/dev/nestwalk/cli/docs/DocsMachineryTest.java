package dev.nestwalk.cli.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What judges the pages can find fault. */
class DocsMachineryTest {
  private static final Path ROOT = Scenarios.fixtures().resolveSibling("");

  @TempDir private Path scratch = Path.of("");

  private String difference(String block) throws IOException {
    return new Transcript(ROOT, scratch).difference(Transcript.parse(block).get(0));
  }

  @Test
  void outputIsComparedLineByLine() {
    List<String> printed = List.of("one 1", "two 2", "three 3");
    assertEquals("", Transcript.compare(List.of("one 1", "two 2", "three 3"), printed));
    assertEquals("", Transcript.compare(List.of("one …", "…", "three 3"), printed));
    assertEquals("", Transcript.compare(List.of("…"), printed));
    assertNotEquals("", Transcript.compare(List.of("one 1", "two 2"), printed));
    assertNotEquals("", Transcript.compare(List.of("one 1", "…", "four …"), printed));
    assertNotEquals("", Transcript.compare(List.of("one …", "two 3", "three 3"), printed));
  }

  @Test
  void aCommandThatPrintsSomethingElseIsFound() throws IOException {
    String command =
        "$ walker/nestwalk translate fixtures/captures/vtd/linux72-legacy-48"
            + " --source 00:02.0 --iova 0xffffc000\n";
    assertEquals("", difference(command + "ok 0x1459fa000 size=4K perm=rw\n"));
    assertEquals("", difference(command));
    assertTrue(difference(command + "ok 0x1459fb000 size=4K perm=rw\n").contains("0x1459fa000"));
    assertTrue(difference("$ nestwalk translate nowhere\n").startsWith("exit status 2"));
  }

  @Test
  void whatOneCommandWritesTheNextOneFinds() throws IOException {
    assertEquals(
        "",
        difference(
            "$ nestwalk explain fixtures/teaching/vtd-nested --source 10 --iova 40001008"
                + " --format html --out walk.html\n"));
    assertTrue(scratch.resolve("walk.html").toFile().isFile());
  }

  @Test
  void deadLinksAreFound() throws IOException {
    Files.writeString(scratch.resolve("other.md"), "# One\n\n## Twice\n\n## Twice\n");
    Page page = Page.of(scratch.resolve("page.md"), "# A `B` heading, at last\n");
    for (String good :
        new String[] {
          "other.md",
          "../" + scratch.getFileName() + "/other.md#one",
          "other.md#twice-1",
          "#a-b-heading-at-last",
          "https://example.org/x"
        }) {
      assertEquals("", Links.fault(page, good), good);
    }
    for (String bad :
        new String[] {
          "nothing.md", "other.md#two", "#a-b", "/other.md", "http:x", "http://example.org/x", "a b"
        }) {
      assertNotEquals("", Links.fault(page, bad), bad);
    }
  }

  @Test
  void blocksKnowTheCommentBeforeThem() {
    Page page =
        Page.of(
            ROOT.resolve("docs/x.md"),
            "<!-- not run: takes an hour -->\n```\n$ nestwalk x\n```\n\n"
                + "<!-- file: a.json -->\n```json\n{}\n```\n\n```java\nint x;\n```\n");
    assertEquals("takes an hour", page.blocks().get(0).notRun());
    assertEquals("a.json", page.blocks().get(1).file());
    assertEquals("", page.blocks().get(2).file() + page.blocks().get(2).notRun());
  }

  @Test
  void codeThatNoTestHasIsFound() throws IOException {
    Snippets snippets = new Snippets(ROOT);
    assertEquals("a\n  b\n", Snippets.dedented("    a\n      b\n"));
    assertTrue(!snippets.has("int x = 1;\n"));
  }
}
