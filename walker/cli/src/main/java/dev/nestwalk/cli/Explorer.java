package dev.nestwalk.cli;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.memory.GuestMemory;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The walk page, live: a server for this machine's own browser. It listens on the loopback address
 * only, every path begins with a random token, and a request may have 64 KiB. Changes go to a
 * private copy of the image.
 */
final class Explorer implements AutoCloseable {
  private static final int MOST_BYTES = 64 << 10;
  private static final int TOKEN_BYTES = 16;
  private static final Gson JSON = new Gson();

  private final Image image;
  private final GuestMemory memory;
  private final Reference reference;
  private final HttpServer server;
  private final ExecutorService thread = Executors.newSingleThreadExecutor();
  private final String token;

  /** Words as they were before they were changed, by address. */
  private final Map<Long, Long> originals = new LinkedHashMap<>();

  /** A request that cannot be served: a status and one line. */
  private static final class Refusal extends Exception {
    private static final long serialVersionUID = 1;
    private final int status;

    Refusal(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  /**
   * Starts serving.
   *
   * @param memory a private copy, since the page changes it
   * @param port 0 for any
   */
  Explorer(Image image, GuestMemory memory, int port) throws IOException {
    this.image = image;
    this.memory = memory;
    reference = Walker.explaining(image, memory);
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    token = HexFormat.of().formatHex(random);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/", this::handle);
    server.setExecutor(thread);
    server.start();
  }

  /** The page's address. */
  String url() {
    return "http://127.0.0.1:%d/%s/".formatted(server.getAddress().getPort(), token);
  }

  @Override
  public void close() {
    server.stop(0);
    thread.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      try {
        serve(exchange);
      } catch (Refusal e) {
        reply(exchange, e.status, "application/json", JSON.toJson(Map.of("error", e.getMessage())));
      }
    }
  }

  private void serve(HttpExchange exchange) throws IOException, Refusal {
    String path = exchange.getRequestURI().getRawPath();
    String[] parts = path == null ? new String[0] : path.split("/", -1);
    if (parts.length != 3 || !isToken(parts[1])) {
      throw new Refusal(403, "wrong token");
    }
    boolean reads = exchange.getRequestMethod().equals("GET");
    boolean posts = exchange.getRequestMethod().equals("POST");
    if (reads && parts[2].isEmpty()) {
      reply(exchange, 200, "text/html; charset=utf-8", WalkPage.live());
      return;
    }
    if (!posts) {
      throw new Refusal(reads ? 404 : 405, "no such page");
    }
    JsonObject body = body(exchange);
    Object answer =
        switch (parts[2]) {
          case "endpoints" -> endpoints();
          case "walk" -> walk(body);
          case "word" -> change(number(body, "address"), number(body, "value"));
          case "flip" -> flip(number(body, "address"), number(body, "bit"));
          case "reset" -> reset();
          default -> throw new Refusal(404, "no such page");
        };
    reply(exchange, 200, "application/json", JSON.toJson(answer));
  }

  /** Takes the same time whatever is wrong. */
  private boolean isToken(String given) {
    return MessageDigest.isEqual(
        token.getBytes(StandardCharsets.US_ASCII), given.getBytes(StandardCharsets.UTF_8));
  }

  private static JsonObject body(HttpExchange exchange) throws IOException, Refusal {
    byte[] bytes = exchange.getRequestBody().readNBytes(MOST_BYTES + 1);
    if (bytes.length > MOST_BYTES) {
      throw new Refusal(413, "expected at most %d bytes".formatted(MOST_BYTES));
    }
    try {
      JsonElement json = JsonParser.parseString(new String(bytes, StandardCharsets.UTF_8));
      if (json.isJsonObject()) {
        return json.getAsJsonObject();
      }
    } catch (JsonParseException | StackOverflowError e) {
      throw new Refusal(400, "expected a JSON object");
    }
    throw new Refusal(400, "expected a JSON object");
  }

  private static long number(JsonObject body, String key) throws Refusal {
    JsonElement element = body.get(key);
    Long value =
        element != null && element.isJsonPrimitive()
            ? Numbers.hexOrNull(element.getAsString())
            : null;
    if (value == null) {
      throw new Refusal(400, "'%s': expected a hexadecimal number as text".formatted(key));
    }
    return value;
  }

  private static void reply(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    exchange.getResponseHeaders().set("Referrer-Policy", "no-referrer");
    exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
    exchange.sendResponseHeaders(status, bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }

  private Object endpoints() {
    List<Endpoint> all =
        image.isVtd()
            ? VtdEndpoints.list(memory, image.registers(), -1)
            : SmmuEndpoints.list(memory, image.registers(), -1);
    List<Map<String, String>> list = new ArrayList<>();
    for (Endpoint endpoint : all) {
      list.add(
          Map.of(
              "source_id",
              "0x%04x".formatted(endpoint.sourceId()),
              "pasid",
              endpoint.pasid() < 0 ? "" : Numbers.hex(endpoint.pasid())));
    }
    return list;
  }

  private Object walk(JsonObject body) throws Refusal {
    long source = number(body, "source");
    boolean hasPasid = body.has("pasid") && !body.get("pasid").equals(new JsonPrimitive(""));
    long pasid = hasPasid ? number(body, "pasid") : -1;
    long most = image.isVtd() ? 0xffff : 0xffff_ffffL;
    if (source < 0 || source > most || pasid < -1 || pasid > 0xf_ffff) {
      throw new Refusal(400, "expected a source up to 0x%x, a PASID up to 0xfffff".formatted(most));
    }
    JsonElement write = body.get("write");
    boolean writes = write != null && write.isJsonPrimitive() && write.getAsBoolean();
    int access = writes ? Access.WRITE : Access.READ;
    var request = new Explanation.Request((int) source, (int) pasid, number(body, "iova"), access);
    return TraceWriter.of(Explanation.of(image, memory, null, request));
  }

  private Object flip(long address, long bit) throws Refusal {
    if (bit < 0 || bit > 63) {
      throw new Refusal(400, "'bit': expected 0 to 3f");
    }
    return change(address, word(address) ^ 1L << bit);
  }

  private long word(long address) throws Refusal {
    int run = (address & 7) == 0 ? memory.find(address) : -1;
    if (run < 0) {
      throw new Refusal(400, "0x%x: expected the address of a word of memory".formatted(address));
    }
    return memory.load(run, address);
  }

  private Object change(long address, long value) throws Refusal {
    long before = word(address);
    if (memory.update(memory.find(address), address, before, value) != GuestMemory.UPDATED) {
      throw new Refusal(409, "0x%x cannot be written".formatted(address));
    }
    originals.putIfAbsent(address, before);
    if (originals.get(address) == value) {
      originals.remove(address);
    }
    return changes();
  }

  private Object reset() throws Refusal {
    for (Map.Entry<Long, Long> entry : List.copyOf(originals.entrySet())) {
      change(entry.getKey(), entry.getValue());
    }
    return changes();
  }

  /** What differs from the image. */
  private Object changes() throws Refusal {
    List<Map<String, String>> all = new ArrayList<>();
    for (Map.Entry<Long, Long> entry : originals.entrySet()) {
      Map<String, String> one = new LinkedHashMap<>();
      one.put("address", Numbers.hex(entry.getKey()));
      one.put("before", "0x%016x".formatted(entry.getValue()));
      one.put("after", "0x%016x".formatted(word(entry.getKey())));
      all.add(one);
    }
    return all;
  }
}
