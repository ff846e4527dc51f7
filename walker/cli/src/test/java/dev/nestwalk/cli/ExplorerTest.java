package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.Opening;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

  @Test
  void aFlippedBitChangesTheWalkAndCanBeUndone() throws IOException, InterruptedException {
    JsonObject before = walk();
    assertEquals("0x5086e000", before.getAsJsonObject("answer").get("output").getAsString());
    JsonObject leaf = null;
    for (var step : before.getAsJsonArray("steps")) {
      JsonObject one = step.getAsJsonObject();
      leaf =
          one.get("stage").getAsInt() == 1 && !one.getAsJsonArray("words").isEmpty() ? one : leaf;
    }
    String host = java.util.Objects.requireNonNull(leaf).get("host").getAsString();
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

  @Test
  void hugeAndDeepBodiesAreRefused() throws IOException, InterruptedException {
    String huge = "{\"a\": \"" + "x".repeat(100_000) + "\"}";
    assertEquals(413, send(explorer.url() + "walk", "POST", huge).statusCode());
    assertEquals(400, send(explorer.url() + "walk", "POST", "[".repeat(60_000)).statusCode());
    walk();
  }
}
