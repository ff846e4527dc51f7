package dev.nestwalk.teach;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Locale;

/** Why a file could not be read or written, in a user's words. */
public final class IoReason {
  /** The reason alone, without the file's name: {@code "no such file or folder"}. */
  public static String of(IOException e) {
    if (e instanceof NoSuchFileException || e instanceof FileNotFoundException) {
      return "no such file or folder";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof NotDirectoryException) {
      return "not a folder";
    }
    if (e instanceof FileAlreadyExistsException) {
      return "already exists";
    }
    if (e instanceof CharacterCodingException) {
      return "not a text in UTF-8";
    }
    String reason = e instanceof FileSystemException of ? of.getReason() : e.getMessage();
    return reason == null || reason.isBlank()
        ? "an error of input or output"
        : reason.strip().substring(0, 1).toLowerCase(Locale.ROOT) + reason.strip().substring(1);
  }

  private IoReason() {}
}
