package dev.nestwalk.teach;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;

/**
 * The server of the interactive walk page, for a browser on this machine. It listens on the
 * loopback address only, every path begins with a random token, and a request may take 64 KiB and
 * 10 seconds. {@link Exploration} makes the answers.
 *
 * <p>Threads: each connection has its own, so that a request that arrives slowly or never completes
 * delays no other. Answers are made one after the other, on one thread.
 */
public final class Explorer implements AutoCloseable {
  private static final int MOST_BYTES = 64 << 10;
  private static final int TOKEN_BYTES = 16;
  private static final String HTML = "text/html; charset=utf-8";
  private static final String JSON_TYPE = "application/json";
  private static final System.Logger LOG = System.getLogger(Explorer.class.getName());
  private static final Gson JSON = new GsonBuilder().serializeNulls().create();

  static {
    // The server closes connections that take longer to send a request or to receive an answer.
    setUnlessGiven("sun.net.httpserver.maxReqTime", "10");
    setUnlessGiven("sun.net.httpserver.maxRspTime", "60");
    setUnlessGiven("jdk.httpserver.maxConnections", "64");
  }

  private final Supplier<Exploration> explorations;
  private final HttpServer server;
  private final ExecutorService connections = Executors.newVirtualThreadPerTaskExecutor();
  private final ExecutorService answers = Executors.newSingleThreadExecutor();
  private final String token;

  /** A reply. */
  private record Reply(String type, String text) {
    static Reply json(Object value) {
      return new Reply(JSON_TYPE, JSON.toJson(value));
    }
  }

  private static void setUnlessGiven(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  /**
   * Starts serving.
   *
   * @param port 0 for any free port
   */
  public Explorer(Exploration exploration, int port) throws IOException {
    this(() -> exploration, port);
  }

  /**
   * Starts serving explorations that may be replaced, as a live machine's is when its registers
   * change.
   *
   * @param explorations called before each answer, on the thread of answers
   * @param port 0 for any free port
   */
  public Explorer(Supplier<Exploration> explorations, int port) throws IOException {
    this.explorations = explorations;
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    token = HexFormat.of().formatHex(random);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/", this::handle);
    server.setExecutor(connections);
    server.start();
  }

  /** The page's URL. */
  public String url() {
    return "http://127.0.0.1:%d/%s/".formatted(server.getAddress().getPort(), token);
  }

  @Override
  public void close() {
    server.stop(0);
    connections.shutdownNow();
    answers.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      int status = 200;
      Reply reply;
      try {
        reply = serve(exchange);
      } catch (ApiRequest.Refusal e) {
        status = e.status;
        reply = Reply.json(Map.of("error", String.valueOf(e.getMessage())));
      } catch (RuntimeException e) {
        LOG.log(System.Logger.Level.ERROR, "a request met a defect", e);
        status = 500;
        reply =
            Reply.json(Map.of("error", "the answer failed: a defect, told in the server's log"));
      }
      send(exchange, status, reply);
    }
  }

  private Reply serve(HttpExchange exchange) throws IOException, ApiRequest.Refusal {
    String path = exchange.getRequestURI().getRawPath();
    String[] parts = path == null ? new String[0] : path.split("/", -1);
    if (parts.length != 3 || !isToken(parts[1])) {
      throw new ApiRequest.Refusal(403, "wrong token");
    }
    String host = exchange.getRequestHeaders().getFirst("Host");
    if (host == null || !host.matches("(127\\.0\\.0\\.1|localhost)(:[0-9]+)?")) {
      throw new ApiRequest.Refusal(403, "expected this machine's own name");
    }
    boolean reads = exchange.getRequestMethod().equals("GET");
    if (reads && parts[2].isEmpty()) {
      return new Reply(HTML, WalkPage.live());
    }
    if (!exchange.getRequestMethod().equals("POST")) {
      throw new ApiRequest.Refusal(reads ? 404 : 405, "no such page");
    }
    ApiRequest asked = body(exchange);
    try {
      Future<Reply> reply = answers.submit(() -> answer(parts[2], asked));
      return reply.get();
    } catch (InterruptedException | RejectedExecutionException e) {
      throw new ApiRequest.Refusal(503, "the server is closing");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof ApiRequest.Refusal refusal) {
        throw refusal;
      }
      if (e.getCause() instanceof InputException input) {
        throw new ApiRequest.Refusal(400, String.valueOf(input.getMessage()));
      }
      throw new IllegalStateException(parts[2] + " failed", e.getCause());
    }
  }

  private Reply answer(String what, ApiRequest asked) throws IOException, ApiRequest.Refusal {
    Exploration exploration = explorations.get();
    return switch (what) {
      case "endpoints" -> Reply.json(exploration.endpoints());
      case "walk" -> Reply.json(exploration.walk(asked));
      case "ranges" -> Reply.json(exploration.ranges(asked));
      case "words" -> Reply.json(exploration.words(asked));
      case "word" -> Reply.json(exploration.change(asked));
      case "flip" -> Reply.json(exploration.flip(asked));
      case "registers" -> Reply.json(exploration.registers());
      case "register" -> Reply.json(exploration.setRegister(asked));
      case "set-registers" -> Reply.json(exploration.setRegisters(asked));
      case "reset" -> Reply.json(exploration.reset());
      case "caches" -> Reply.json(exploration.caches(asked));
      case "invalidate" -> Reply.json(exploration.invalidate());
      case "policies" -> Reply.json(exploration.policies(asked));
      case "page" -> new Reply(HTML, exploration.page(asked));
      case "json" -> new Reply("text/plain; charset=utf-8", exploration.json(asked));
      default -> throw new ApiRequest.Refusal(404, "no such page");
    };
  }

  /** Compares in constant time, whatever differs. */
  private boolean isToken(String given) {
    return MessageDigest.isEqual(
        token.getBytes(StandardCharsets.US_ASCII), given.getBytes(StandardCharsets.UTF_8));
  }

  private static ApiRequest body(HttpExchange exchange) throws IOException, ApiRequest.Refusal {
    byte[] bytes = exchange.getRequestBody().readNBytes(MOST_BYTES + 1);
    if (bytes.length > MOST_BYTES) {
      throw new ApiRequest.Refusal(413, "expected at most %d bytes".formatted(MOST_BYTES));
    }
    return ApiRequest.parse(new String(bytes, StandardCharsets.UTF_8));
  }

  private static void send(HttpExchange exchange, int status, Reply reply) throws IOException {
    byte[] bytes = reply.text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", reply.type);
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    exchange.getResponseHeaders().set("Referrer-Policy", "no-referrer");
    exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
    exchange.getResponseHeaders().set("X-Frame-Options", "DENY");
    exchange.sendResponseHeaders(status, bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }
}
