package dev.nestwalk.teach.exercises;

import java.util.Locale;

/** The topics of exercises, in the order of a course. */
public enum Topic {
  /** Addresses, indices, start tables. */
  ADDRESSES("Addresses and tables"),
  /** From a requester to its tables. */
  LOOKUP("From requester to tables"),
  /** Walks of one and two stages. */
  WALKS("Walks"),
  /** What a walk costs. */
  COSTS("What a walk costs"),
  /** Faults and their records. */
  FAULTS("Faults and records"),
  /** Broken tables. */
  REPAIRS("Repairs"),
  /** Accessed and dirty flags. */
  FLAGS("Accessed and dirty flags"),
  /** Invalidations. */
  INVALIDATIONS("Invalidations"),
  /** Address translation services. */
  ATS("Translation requests (ATS)"),
  /** Reserved regions. */
  REGIONS("Reserved regions");

  private final String title;

  Topic(String title) {
    this.title = title;
  }

  /** The heading. */
  public String title() {
    return title;
  }

  /** The name in options. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }
}
