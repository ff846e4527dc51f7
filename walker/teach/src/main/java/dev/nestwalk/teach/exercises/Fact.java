package dev.nestwalk.teach.exercises;

/**
 * A value that a question gives.
 *
 * @param name its name, the specification's where there is one
 * @param value the number
 * @param shown the number as the sheet prints it
 */
public record Fact(String name, long value, String shown) {}
