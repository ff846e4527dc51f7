package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.Exploration;
import dev.nestwalk.teach.Explorer;
import dev.nestwalk.teach.Guards;
import dev.nestwalk.teach.Image;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The explorer's server: what it answers, and to whom it does not. */
class ExplorerTest {
  private static final String WALK =
      "{'source': '0x8', 'pasid': '', 'iova': '0xffffc000', 'write': false}";

  private final Arena arena = Arena.ofShared();
  private final HttpClient client = HttpClient.newHttpClient();
  private final Explorer explorer = start();

  private Explorer start() {
    try {
      Image image =
          Image.ofScenario(Scenarios.fixtures().resolve("captures/smmuv3/nested-vm-4k"), null);
      return new Explorer(
          new Exploration(image, image.open(Opening.READ_ONLY, arena), Guards.usual(false)), 0);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @BeforeEach
  void isLocal() {
    assertTrue(explorer.url().matches("http://127.0.0.1:[0-9]+/[0-9a-f]{32}/"), explorer.url());
  }

  @AfterEach
  void close() {
    explorer.close();
    arena.close();
  }

  private HttpResponse<String> send(String url, String method, String body)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url))
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build();
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private JsonObject walk() throws IOException, InterruptedException {
    HttpResponse<String> reply = send(explorer.url() + "walk", "POST", WALK.replace('\'', '"'));
    assertEquals(200, reply.statusCode(), reply.body());
    return JsonParser.parseString(reply.body()).getAsJsonObject().getAsJsonObject("walk");
  }

  /** The step that reads stage 1's leaf. */
  private JsonObject leaf() throws IOException, InterruptedException {
    JsonObject leaf = null;
    for (var step : walk().getAsJsonArray("steps")) {
      JsonObject one = step.getAsJsonObject();
      leaf =
          one.get("stage").getAsInt() == 1 && !one.getAsJsonArray("words").isEmpty() ? one : leaf;
    }
    return java.util.Objects.requireNonNull(leaf);
  }

  @Test
  void aFlippedBitChangesTheWalkAndCanBeUndone() throws IOException, InterruptedException {
    JsonObject before = walk();
    assertEquals("0x5086e000", before.getAsJsonObject("answer").get("output").getAsString());
    String host = leaf().get("host").getAsString();
    HttpResponse<String> flip =
        send(
            explorer.url() + "flip",
            "POST",
            "{\"address\": \"%s\", \"bit\": \"0\"}".formatted(host));
    assertEquals(200, flip.statusCode(), flip.body());
    assertTrue(flip.body().contains(host), flip.body());
    assertEquals("0x10", walk().getAsJsonObject("answer").get("fault").getAsString());
    assertEquals("[]", send(explorer.url() + "reset", "POST", "{}").body());
    assertEquals(before, walk());
  }

  @Test
  void thePageAndTheEndpointsAreServed() throws IOException, InterruptedException {
    HttpResponse<String> page = send(explorer.url(), "GET", "");
    assertEquals(200, page.statusCode());
    assertTrue(page.body().contains("connect-src 'self'"));
    assertFalse(page.body().contains("@DATA@"));
    String endpoints = send(explorer.url() + "endpoints", "POST", "{}").body();
    assertTrue(endpoints.contains("0x0008"), endpoints);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "403 | GET  | ../../wrong/          | ",
        "403 | GET  | ../                   | ",
        "403 | POST | ../00000000000000000000000000000000/walk | {}",
        "404 | GET  | walk                  | ",
        "403 | POST | ../TOKEN/%2e%2e       | {}",
        "403 | GET  | a/../../etc/passwd    | ",
        "405 | PUT  | walk                  | {}",
        "405 | DELETE | walk                | {}",
        "400 | POST | walk                  | {",
        "400 | POST | walk                  | [1]",
        "400 | POST | walk                  | {}",
        "400 | POST | walk                  | {'source': 8, 'iova': {}}",
        "400 | POST | walk                  | {'source': '0x123456789', 'iova': '0'}",
        "400 | POST | walk                  | {'source': '8', 'pasid': 'ffffffff', 'iova': '0'}",
        "400 | POST | walk                  | {'source': '8', 'pasid': {}, 'iova': '0'}",
        "400 | POST | walk                  | {'source': '8', 'pasid': null, 'iova': '0'}",
        "400 | POST | flip                  | {'address': '0x5', 'bit': '0'}",
        "400 | POST | flip                  | {'address': '0xfffffffffffffff8', 'bit': '0'}",
        "400 | POST | flip                  | {'address': '0x40000000', 'bit': '40'}",
        "400 | POST | flip                  | {'address': '0x40000000', 'bit': '-1'}",
        "400 | POST | word                  | {'address': '0x40000000'}",
        "400 | POST | word                  | {'address': [], 'value': '0'}",
        "400 | POST | words                 | {'address': '0x40000000', 'count': 'ffffffff'}",
        "400 | POST | words                 | {'address': '0x1', 'count': '1'}",
        "400 | POST | words                 | {'address': '0x40000000', 'count':"
            + " '11112222333344445'}",
        "400 | POST | walk                  | {'source': '8', 'iova': '0', 'policy': 'MINE'}",
        "400 | POST | walk                  | {'source': '8', 'iova': '0', 'policy': {}}",
        "400 | POST | walk                  | {'source': '8', 'iova': '0', 'write': []}",
        "400 | POST | walk                  | {'source': '8', 'iova': '0', 'access': 'x'}",
        "400 | POST | walk                  | {'source': '8', 'iova': '0', 'access': 'rr'}",
        "400 | POST | walk                  | {'source': '8', 'iova': '0', 'access': 'rwx'}",
        "400 | POST | walk                  | {'source': '8', 'iova': '0', 'access': {}}",
        "400 | POST | register              | {'name': 'RTADDR', 'value': '0'}",
        "400 | POST | register              | {'name': 'IDR0', 'value': 'x'}",
        "400 | POST | register              | {'name': {}, 'value': '0'}",
        "400 | POST | register              | {'value': '0'}",
        "400 | POST | set-registers         | {}",
        "400 | POST | set-registers         | {'values': 'IDR0'}",
        "400 | POST | set-registers         | {'values': 'IDR0:0x1,'}",
        "400 | POST | set-registers         | {'values': 'IDR0:x'}",
        "400 | POST | set-registers         | {'values': 'RTADDR:0'}",
        "400 | POST | set-registers         | {'values': 'CR0:0,IDR0:0'}",
        "400 | POST | set-registers         | {'values': []}",
        "400 | POST | policies              | {'source': '8'}",
        "400 | POST | ranges                | {'source': 'ffffffffffffffff'}",
        "400 | POST | ranges                | {'source': '8', 'from': 'x'}",
        "400 | POST | caches                | {'iotlb': {}}",
        "400 | POST | page                  | {'source': '8'}",
        "400 | POST | json                  | {'iova': '8'}",
        "404 | POST | Walk                  | {}",
        "404 | POST | explore.js            | {}",
        "403 | POST | walk/../walk          | {'source': '8', 'iova': '0'}",
        "403 | POST | walk/                 | {}",
      })
  void hostileRequestsGetOneCleanError(int status, String method, String path, String body)
      throws IOException, InterruptedException {
    String token = explorer.url().replaceAll(".*:[0-9]+/|/$", "");
    String url = explorer.url() + path.strip().replace("TOKEN", token);
    String text = body == null ? "" : body.strip().replace('\'', '"');
    HttpResponse<String> reply = send(url, method.strip(), text);
    assertEquals(status, reply.statusCode(), reply.body());
    String error =
        JsonParser.parseString(reply.body()).getAsJsonObject().get("error").getAsString();
    assertEquals(1, error.lines().count());
    assertFalse(reply.body().contains("Exception"), reply.body());
    walk();
  }

  private JsonElement ask(String what, String body) throws IOException, InterruptedException {
    HttpResponse<String> reply = send(explorer.url() + what, "POST", body.replace('\'', '"'));
    assertEquals(200, reply.statusCode(), reply.body());
    return JsonParser.parseString(reply.body());
  }

  @Test
  void anotherNameForThisMachineIsRefused() throws IOException {
    URI url = URI.create(explorer.url());
    try (Socket socket = new Socket(url.getHost(), url.getPort())) {
      String request = "GET %s HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
      socket
          .getOutputStream()
          .write(request.formatted(url.getPath()).getBytes(StandardCharsets.US_ASCII));
      String reply = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(reply.startsWith("HTTP/1.1 403"), reply);
      assertFalse(reply.contains("<html"), reply);
    }
  }

  @Test
  void wordsAreReadWrittenAndGivenBack() throws IOException, InterruptedException {
    String host = leaf().get("host").getAsString();
    String read = "{'address': '%s', 'count': '2'}".formatted(host);
    JsonElement before = ask("words", read);
    assertEquals(2, before.getAsJsonArray().size());
    JsonElement changes = ask("word", "{'address': '%s', 'value': '0'}".formatted(host));
    assertEquals(1, changes.getAsJsonArray().size());
    assertEquals("0x10", walk().getAsJsonObject("answer").get("fault").getAsString());
    ask("reset", "{}");
    assertEquals(before, ask("words", read));
  }

  @Test
  void theImagesOwnWalkComesWithAChangedOne() throws IOException, InterruptedException {
    JsonObject before = walk();
    ask("flip", "{'address': '%s', 'bit': '0'}".formatted(leaf().get("host").getAsString()));
    JsonObject reply = ask("walk", WALK).getAsJsonObject();
    assertEquals(before, reply.getAsJsonObject("original"));
    int differs = reply.get("differs").getAsInt();
    JsonArray steps = reply.getAsJsonObject("walk").getAsJsonArray("steps");
    assertEquals(1, steps.get(differs).getAsJsonObject().get("stage").getAsInt());
    assertTrue(reply.getAsJsonObject("cached").get("stale").getAsBoolean() || differs >= 0);
  }

  @Test
  void aTranslatorThatIsNotToldAnswersFromItsCacheUntilItIs()
      throws IOException, InterruptedException {
    walk();
    ask("flip", "{'address': '%s', 'bit': '0'}".formatted(leaf().get("host").getAsString()));
    JsonObject cached = ask("walk", WALK).getAsJsonObject().getAsJsonObject("cached");
    assertTrue(cached.get("hit").getAsBoolean(), cached.toString());
    assertTrue(cached.get("stale").getAsBoolean(), cached.toString());
    ask("invalidate", "{}");
    cached = ask("walk", WALK).getAsJsonObject().getAsJsonObject("cached");
    assertFalse(cached.get("stale").getAsBoolean(), cached.toString());
    ask("reset", "{}");
    ask("caches", "{'iotlb': false, 'tables': true}");
    walk();
    cached = ask("walk", WALK).getAsJsonObject().getAsJsonObject("cached");
    assertFalse(cached.get("hit").getAsBoolean(), cached.toString());
    // A leaf of stage 1 and what maps its page in stage 2, where a walk from nothing makes 24.
    assertEquals(2, cached.get("entries").getAsInt(), cached.toString());
  }

  @Test
  void rangesComeInPiecesAndAreThoseOfInspect() throws IOException, InterruptedException {
    List<String> found = new ArrayList<>();
    String from = "";
    do {
      JsonObject reply =
          ask("ranges", "{'source': '8', 'from': '%s'}".formatted(from)).getAsJsonObject();
      for (JsonElement range : reply.getAsJsonArray("ranges")) {
        found.add(range.getAsJsonObject().get("first").getAsString());
      }
      from = reply.get("next").getAsString();
    } while (!from.isEmpty());
    StringWriter out = new StringWriter();
    String image = Scenarios.fixtures().resolve("captures/smmuv3/nested-vm-4k").toString();
    Main.run(
        new PrintWriter(out),
        new PrintWriter(new StringWriter()),
        "inspect",
        image,
        "--source",
        "8",
        "--format",
        "json");
    for (JsonElement range :
        JsonParser.parseString(out.toString())
            .getAsJsonObject()
            .getAsJsonArray("endpoints")
            .get(0)
            .getAsJsonObject()
            .getAsJsonArray("ranges")) {
      String first = range.getAsJsonObject().get("first").getAsString();
      assertTrue(found.contains(first), first + " in " + found);
    }
  }

  @Test
  void policiesTellWhatBecomesOfTheRequest() throws IOException, InterruptedException {
    JsonArray policies =
        ask("policies", "{'source': '8', 'iova': '0x8000000'}")
            .getAsJsonObject()
            .getAsJsonArray("policies");
    Map<String, String> answers = new TreeMap<>();
    for (JsonElement policy : policies) {
      JsonObject one = policy.getAsJsonObject();
      answers.put(one.get("policy").getAsString(), one.get("answer").getAsString());
    }
    assertEquals(
        "{DIRECT_RID_ONLY=ok 0x8090000 rw, LINUX_7_2=fault 0x114 RESERVED_SW_MSI,"
            + " PARENT_OPT_IN=ok 0x8090000 rw, POSTED_V2=fault 0x114 RESERVED_SW_MSI,"
            + " POSTED_V3=fault 0x114 RESERVED_SW_MSI}",
        answers.toString());
  }

  @Test
  void aWalkIsExportedAsExplainWouldWriteIt() throws IOException, InterruptedException {
    StringWriter out = new StringWriter();
    String image = Scenarios.fixtures().resolve("captures/smmuv3/nested-vm-4k").toString();
    String[] explain = {
      "explain", image, "--source", "8", "--iova", "0xffffc000", "--format", "json"
    };
    Main.run(new PrintWriter(out), new PrintWriter(new StringWriter()), explain);
    String body = WALK.replace('\'', '"');
    assertEquals(out.toString(), send(explorer.url() + "json", "POST", body).body());
    explain[7] = "html";
    out.getBuffer().setLength(0);
    Main.run(new PrintWriter(out), new PrintWriter(new StringWriter()), explain);
    assertEquals(out.toString(), send(explorer.url() + "page", "POST", body).body());
  }

  @Test
  void theRequesterToBeginWithIsTheFirstThatMapsSomething()
      throws IOException, InterruptedException {
    List<String> selected = new ArrayList<>();
    for (JsonElement endpoint : ask("endpoints", "{}").getAsJsonArray()) {
      JsonObject one = endpoint.getAsJsonObject();
      if (one.get("selected").getAsBoolean()) {
        selected.add(one.get("source_id").getAsString() + " " + one.get("first").getAsString());
      }
    }
    // Stream 0 comes first in the tables; its stage 1 maps nothing.
    assertEquals(List.of("0x0008 0x8000000"), selected);
  }

  @Test
  void aRegisterIsChangedBesideTheImageAndGivenBack() throws IOException, InterruptedException {
    JsonObject before = walk();
    String registers = ask("registers", "{}").toString();
    assertTrue(registers.contains("STRTAB_BASE_CFG"), registers);
    // Translation off, and unmatched transactions abort.
    JsonElement changes = ask("register", "{'name': 'CR0', 'value': '0'}");
    assertEquals(
        "CR0", changes.getAsJsonArray().get(0).getAsJsonObject().get("name").getAsString());
    JsonObject reply = ask("walk", WALK).getAsJsonObject();
    assertEquals(before, reply.getAsJsonObject("original"));
    assertFalse(before.equals(reply.getAsJsonObject("walk")));
    assertEquals(changes, reply.get("register_changes"));
    ask("reset", "{}");
    assertEquals(before, walk());
    assertEquals(registers, ask("registers", "{}").toString());
  }

  @Test
  void registersThatNoUnitHasAreRefusedAndNothingChanges()
      throws IOException, InterruptedException {
    JsonObject before = walk();
    String body = "{\"name\": \"IDR0\", \"value\": \"0\"}";
    HttpResponse<String> reply = send(explorer.url() + "register", "POST", body);
    assertEquals(400, reply.statusCode(), reply.body());
    assertTrue(reply.body().contains("IDR0"), reply.body());
    assertFalse(reply.body().contains(".json"), reply.body());
    assertEquals(before, walk());
  }

  @Test
  void everyKindOfAccessIsWalked() throws IOException, InterruptedException {
    for (String access : List.of("r", "w", "rw", "rx", "rz", "rq", "rwq", "rt", "wt", "rxp")) {
      String body = WALK.replace("'write': false", "'access': '%s'".formatted(access));
      JsonObject walk = ask("walk", body).getAsJsonObject().getAsJsonObject("walk");
      assertEquals(access.length(), walk.get("access").getAsString().length(), access);
    }
  }

  /** Connections that send these bytes and then nothing. */
  private List<Socket> stalled(String... beginnings) throws IOException {
    URI url = URI.create(explorer.url());
    List<Socket> sockets = new ArrayList<>();
    for (String beginning : beginnings) {
      Socket socket = new Socket(url.getHost(), url.getPort());
      String text = beginning.replace("PATH", url.getPath());
      socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().flush();
      sockets.add(socket);
    }
    return sockets;
  }

  @Test
  void halfSentRequestsKeepNobodyWaitingAndAreClosed() throws IOException, InterruptedException {
    walk();
    List<Socket> sockets =
        stalled(
            "",
            "G",
            "POST PATHwalk HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le",
            "POST PATHwalk HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60\r\n\r\n{\"source\"");
    Thread.sleep(300);
    long began = System.nanoTime();
    walk();
    assertTrue(System.nanoTime() - began < 5_000_000_000L, "waited for the requests before");
    for (Socket socket : sockets) {
      socket.setSoTimeout(30_000);
      try (socket) {
        socket.getInputStream().readAllBytes();
      } catch (java.net.SocketTimeoutException e) {
        throw new AssertionError("a half-sent request is never given up", e);
      } catch (java.net.SocketException e) {
        assertFalse(String.valueOf(e.getMessage()).isEmpty(), "a reset ends it as well");
      }
    }
    walk();
  }

  /** A StreamID of an SMMUv3 has 32 bits; one with the highest set is not in the tables. */
  @ParameterizedTest
  @ValueSource(strings = {"80000000", "ffffffff"})
  void aStreamThatTheTablesDoNotHaveMapsNothing(String id)
      throws IOException, InterruptedException {
    JsonObject ranges = ask("ranges", "{'source': '%s'}".formatted(id)).getAsJsonObject();
    assertEquals(0, ranges.getAsJsonArray("ranges").size());
    assertEquals("not among the requesters of the tables", ranges.get("type").getAsString());
    JsonObject walk = ask("walk", WALK.replace("0x8", id)).getAsJsonObject();
    assertEquals("0x" + id, walk.getAsJsonObject("walk").get("source_id").getAsString());
  }

  @Test
  void aDefectIsOneLineOfJsonAndTheNextRequestIsAnswered()
      throws IOException, InterruptedException {
    AtomicInteger asked = new AtomicInteger();
    Image image =
        Image.ofScenario(Scenarios.fixtures().resolve("captures/smmuv3/nested-vm-4k"), null);
    Exploration good =
        new Exploration(image, image.open(Opening.READ_ONLY, arena), Guards.usual(false));
    Supplier<Exploration> failing =
        () -> {
          return switch (asked.incrementAndGet()) {
            case 1 -> throw new IllegalStateException("first\nsecond line");
            case 2 -> throw new StackOverflowError();
            default -> good;
          };
        };
    try (Explorer other = new Explorer(failing, 0)) {
      String body = WALK.replace('\'', '"');
      for (int i = 0; i < 2; i++) {
        HttpResponse<String> reply = send(other.url() + "walk", "POST", body);
        assertEquals(500, reply.statusCode(), reply.body());
        assertEquals(1, reply.body().lines().count());
        assertTrue(JsonParser.parseString(reply.body()).getAsJsonObject().has("error"));
      }
      assertEquals(200, send(other.url() + "walk", "POST", body).statusCode());
    }
  }

  @Test
  void hugeAndDeepBodiesAreRefused() throws IOException, InterruptedException {
    String huge = "{\"a\": \"" + "x".repeat(100_000) + "\"}";
    assertEquals(413, send(explorer.url() + "walk", "POST", huge).statusCode());
    assertEquals(400, send(explorer.url() + "walk", "POST", "[".repeat(60_000)).statusCode());
    walk();
  }
}
