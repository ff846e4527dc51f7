package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Entry of the page request queue (IHI 0070, 8.1), 16 bytes. */
public final class PageRequest {
  /** StreamID. */
  public static final Field STREAMID = Field.of("STREAMID", 31, 0, "StreamID");

  /** SubstreamID. */
  public static final Field SUBSTREAMID = Field.of("SUBSTREAMID", 51, 32, "SubstreamID");

  /** Privileged. */
  public static final Field PRIV = Field.bit("PRIV", 58, "privileged access requested");

  /** Execute. */
  public static final Field EXEC = Field.bit("EXEC", 59, "execute requested");

  /** Read. */
  public static final Field READ = Field.bit("READ", 60, "read requested");

  /** Write. */
  public static final Field WRITE = Field.bit("WRITE", 61, "write requested");

  /** Last of its group. */
  public static final Field LAST = Field.bit("LAST", 62, "last request of its group");

  /** A SubstreamID is given. */
  public static final Field SSV = Field.bit("SSV", 63, "a SubstreamID is given");

  /** Page request group. */
  public static final Field PRGINDEX = Field.of("PRGINDEX", 72, 64, "page request group");

  /** Page. */
  public static final Field ADDRESS = Field.of("ADDRESS", 127, 76, "page address");

  /** The structure; bits that no field names are zero. */
  public static final Structure STRUCTURE =
      Structure.of(
          "PRI queue entry",
          "SMMUv3 8.1",
          2,
          STREAMID,
          SUBSTREAMID,
          PRIV,
          EXEC,
          READ,
          WRITE,
          LAST,
          SSV,
          PRGINDEX,
          ADDRESS);

  private PageRequest() {}
}
