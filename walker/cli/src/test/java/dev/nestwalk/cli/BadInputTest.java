package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What people get wrong: each is answered by one line that says what and where and what was
 * expected, with status 2, nothing on standard output and every file as it was.
 */
class BadInputTest {
  private static final Path FIXTURES = Scenarios.fixtures();
  private static final int LONGEST = 500;

  /** Words of the implementation that no user can do anything with. */
  private static final Pattern INTERNAL =
      Pattern.compile(
          "Exception|gson|Gson|java\\.|picocli|path \\$|is not an? (int|long)|internal"
              + " error|case-insensitive|null pointer");

  /**
   * A command line (I an image, D a DMA, F the fixtures, B the folder of broken files), and a part
   * of the answer.
   */
  private static final String[] LINES = {
    "tranlsate | did you mean translate?",
    "translate | Missing required",
    "translate I --source 00:02.0 | '--iova=A'",
    "translate I --source zz --iova 0 | expected a requester id as 0x0010, 00:02.0 or 0000:00:02.0",
    "translate I --source 0x12345 --iova 0 | expected 16 bits for VT-d",
    "translate I --source 00:02.0 --iova 1ffffffffffffffff | expected a hexadecimal address",
    "translate I D --pasid 0x100000 | expected a PASID of at most 20 bits",
    "translate I D --length 5Q | expected a length",
    "translate I D --length 0K | expected a length",
    "translate I D --length 000G | expected a length",
    "translate I --source 00:02.0 --iova fffffffffffff000 --length 64K | pass the end of the"
        + " address",
    "translate I D --format yaml | 'yaml': expected one of text, json",
    "translate I D --ram 0,0x1000 | --ram needs --registers",
    "translate I D --ram 0,zz --registers B/v.json | expected base,size",
    "translate I D --ram B/missing --registers B/v.json | missing: no such file, expected BASE,SIZE"
        + " or a file",
    "translate I D --unit dmar0 | --unit: expected --registers FILE",
    "translate I D --registers B/brace.json | brace.json: line 2, column 1: expected JSON",
    "translate I D --registers B/list.json | no registers found",
    "translate I D --registers B/zz.json | registers.CAP: expected a 64-bit number",
    "translate I D --registers B/array.json | registers: expected an object",
    "translate I D --registers B/amd.json | expected \"vtd\" or \"smmuv3\"",
    "translate I D --registers B/zero.json | CAP.MGAW gives 1 address bits: expected 30 to 57",
    "translate I D --registers B/ram.json | ram: expected a list of [base, size]",
    "translate I D --registers B/long.json | (100004 characters)",
    "translate I D --registers B | is a folder, expected the registers",
    "translate I D --registers B/missing | no such file, expected the registers",
    "translate B/noise D | is no file of a scenario",
    "translate B/empty D --registers B/v.json | the file is empty",
    "translate B/noise D --registers B/v.json | no header of a dump",
    "translate B/short.elf.gz D --registers B/v.json | the gzip stream ends here",
    "translate XXXXX D | characters) no such image",
    "inspect . | is a folder, expected an image",
    "inspect I --limit 0 | expected 1 or more seconds",
    "inspect I --limit x | 'x': expected a whole number",
    "inspect I --limit 99999999999999 | expected a smaller number",
    "inspect I --compare B/missing | no such file or folder",
    "inspect I --compare B/noise | expected lines of dmar_translation_struct",
    "check B/missing | no such image",
    "check B/noise | is no file of a scenario",
    "check B/header | line 1: expected the header",
    "check B/cells | line 2: expected 8 or 9 cells, found 3",
    "check B/access | line 2: access 'q', expected r or w",
    "check B/bytes | expected UTF-8 text",
    "check I --failures -1 | --failures -1: expected 0 or more",
    "replay-registers B/missing --failures -1 | --failures -1: expected 0 or more",
    "check I --walker slow | 'slow': expected one of fast, uncached, reference, all",
    "explain I D --also 0x5 | --also: expected --format html",
    "explain I D --format html --also x,y,z | expected ADDRESS",
    "explain I D --format html --also B/brace.json | expected JSON",
    "explain I D --policy X | --policy needs --regions",
    "explain I D --write --execute | these options exclude each other",
    "decode hello | expected a fault line",
    "decode vtd_dmar_fault sid 0x10 fault 5 addr 0x11111111111111111 write 1 | a fault line",
    "decode nothing 0x5 | no such structure",
    "decode frcd 1 2 3 | expected at most 2 of 64 bits",
    "fields e | names contain it",
    "fields psid table entry | no such structure",
    "fields sten | did you mean ste",
    "fields --format svg | expected a STRUCTURE to draw",
    "exercises --topic moon | expected addresses, lookup, walks",
    "exercises --kind table-indx | did you mean table-index?",
    "exercises --topic regions --kind table-index | is of topic addresses",
    "exercises --count 0 | expected 1 to 500",
    "exercises --seed x | 'x': expected a whole number",
    "regions | expected show, effective, identity, explain, compare or replay",
    "regions shw | did you mean show?",
    "regions show B/missing | no such file or folder",
    "regions show B/noise | expected a DMAR, IORT or IVRS table",
    "regions show B/v.elf.gz | a gzip file, expected",
    "regions show F/samples/dmar-client.bin --class zz | expected a device and its class",
    "regions identity --window 5-4 | expected FIRST-LAST",
    "regions identity --align 3 | expected a power of two",
    "regions effective B/brace.json | line 2, column 1: expected JSON",
    "regions effective B/list.json | list.json: expected a JSON object",
    "regions effective B/deep.json | line 1, column 257: expected JSON",
    "regions effective F/regions/vtd-nested.json --policy X | expected one of [POSTED_V2",
    "regions explain F/regions/vtd-nested.json --space moon --address 0 | expected bus:DEVICE",
    "regions replay B/noise | not a text in UTF-8",
    "replay-registers B/missing | no such trace",
    "replay-registers F/traces/vtd-legacy.trace.gz --unit smmuv3 | a trace of vtd, expected one of",
    "serve --format amd | 'amd': expected one of vtd, smmuv3",
    "explore I --port 70000 | expected 0 to 65535",
    "explore B/missing | no such image",
    "completion tcsh | 'tcsh': expected one of bash, zsh, fish",
    "translate /dev/null D | /dev/null: expected a file",
    "check B/unrowed | unrowed.csv: no rows, expected at least one",
    "check B/headless | headless.csv: no rows, expected at least one",
    "regions replay B/empty | no answer to compare, expected at least one",
    "replay-registers B/idle | idle.trace: no line to compare, expected at least one",
    "regions effective B/device.json | 'device': expected one of about, policy, devices",
    "regions compare B/nested.json | 'knd': expected one of first, last, kind",
    "regions explain F/regions/vtd-nested.json --space bus:x --address 0 | 'bus:x': expected one of"
        + " the devices [nic]",
    "regions explain F/regions/vtd-nested.json --space space:x --address 0 | 'space:x': expected"
        + " one of the spaces",
    "exercises --topic , | --topic: expected at least one name",
    "exercises --kind , | --kind: expected at least one name",
    "exercises --out B/a --solutions B/./a | expected another file than --out",
    "decode ste zz | a structure's name with its words of up to 64 bits",
    "decode ste 0x1ffffffffffffffff | of up to 64 bits in hexadecimal",
    "serve --format vtd --boot --kernel B/missing | --kernel ",
    "serve --format smmuv3 --boot --initrd B | --initrd ",
    "serve --format vtd --dir B/empty | is a file, expected a folder",
    "serve --format vtd --size 128M --boot --qemu B/missing | missing: cannot be started",
    "fields ste --out B/loop | too many symbolic links",
    "fields ste --out B/dangling | dangling: cannot be written: no such file or folder",
    "fields ste --out B/v.csv/x | v.csv/x: cannot be written",
    "check B/\u001b[31mred | \\x1b[31mred",
  };

  @TempDir Path folder;

  private static Stream<String> lines() {
    return Arrays.stream(LINES);
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  @BeforeEach
  void writeBrokenFiles() throws IOException {
    Path image = FIXTURES.resolve("teaching/vtd-nested");
    for (String end : new String[] {".elf.gz", ".json", ".csv"}) {
      Files.copy(Path.of(image + end), folder.resolve("v" + end));
    }
    write("brace.json", "{\n");
    write("list.json", "[]\n");
    write("zz.json", "{'format': 'vtd', 'registers': {'CAP': 'zz'}}".replace('\'', '"'));
    write("array.json", "{'format': 'vtd', 'registers': []}".replace('\'', '"'));
    write("amd.json", "{'format': 'amd', 'registers': {}}".replace('\'', '"'));
    String of =
        "{'format': 'vtd', %s'registers': {'CAP': '%s', 'ECAP': '0', 'GSTS': '0', 'RTADDR': '0'}}";
    write("zero.json", of.formatted("", "0x0").replace('\'', '"'));
    write("ram.json", of.formatted("'ram': [['0x0']], ", "0x0").replace('\'', '"'));
    write("long.json", of.formatted("", "0x" + "0".repeat(100_000)).replace('\'', '"'));
    write("deep.json", "[".repeat(100_000));
    write("empty", "");
    write("device.json", "{'device': []}".replace('\'', '"'));
    String setup = Files.readString(FIXTURES.resolve("regions/vtd-nested.json"));
    write("nested.json", setup.replaceFirst("\"kind\"", "\"knd\""));
    write("idle.trace", "# nothing\n");
    Files.copy(FIXTURES.resolve("traces/vtd-legacy.json"), folder.resolve("idle.json"));
    Files.createSymbolicLink(folder.resolve("loop"), Path.of("loop"));
    Files.createSymbolicLink(folder.resolve("dangling"), Path.of("missing/file"));
    byte[] noise = new byte[300];
    new SplittableRandom(47).nextBytes(noise);
    noise[0] = (byte) 0x8f;
    Files.write(folder.resolve("noise"), noise);
    byte[] packed = Files.readAllBytes(folder.resolve("v.elf.gz"));
    Files.write(folder.resolve("short.elf.gz"), Arrays.copyOf(packed, packed.length / 2));
    String header = "source_id,pasid,access,iova,outcome,output,fault,detail\n";
    rows("header", "a,b\n");
    rows("cells", header + "0x10,,r\n");
    rows("access", header + "0x10,,q,0x0,ok,0x0,,\n");
    rows("unrowed", header + "# none\n");
    rows("headless", "");
    rows("bytes", header);
    Files.write(folder.resolve("bytes.csv"), noise);
  }

  private void rows(String name, String rows) throws IOException {
    for (String end : new String[] {".elf.gz", ".json"}) {
      Files.copy(folder.resolve("v" + end), folder.resolve(name + end));
    }
    write(name + ".csv", rows);
  }

  private Map<String, Integer> contents() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      Map<String, Integer> contents = new TreeMap<>();
      for (Path file : files.filter(Files::exists).toList()) {
        contents.put(String.valueOf(file.getFileName()), Arrays.hashCode(Files.readAllBytes(file)));
      }
      return contents;
    }
  }

  @ParameterizedTest
  @MethodSource("lines")
  void answerIsOneLine(String row) throws IOException {
    String[] parts = row.split(" \\| ", 2);
    String line =
        Stream.of(parts[0].split(" ", -1))
            .map(
                word ->
                    switch (word) {
                      case "I" -> FIXTURES.resolve("captures/vtd/linux72-legacy-48").toString();
                      case "D" -> "--source\n00:02.0\n--iova\n0";
                      case "B" -> folder.toString();
                      case "XXXXX" -> "x".repeat(100_000);
                      default ->
                          word.startsWith("B/")
                              ? folder + word.substring(1)
                              : word.startsWith("F/") ? FIXTURES + word.substring(1) : word;
                    })
            .collect(Collectors.joining("\n"));
    Map<String, Integer> before = contents();
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status = Main.run(new PrintWriter(out), new PrintWriter(err), line.split("\n", -1));
    assertEquals(2, status, out + "" + err);
    assertEquals(1, err.toString().lines().count(), err.toString());
    assertEquals("", out.toString());
    assertTrue(err.toString().startsWith("nestwalk"), err.toString());
    assertTrue(err.toString().contains(parts[1]), err.toString());
    assertTrue(err.toString().length() < LONGEST, "characters: " + err.toString().length());
    assertFalse(INTERNAL.matcher(err.toString()).find(), err.toString());
    assertEquals(before, contents());
  }
}
