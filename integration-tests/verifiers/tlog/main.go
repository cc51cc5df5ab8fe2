// Command tlog checks Tachograph's transparency log with golang.org/x/mod/sumdb, which shares no code with it:
// signed notes, tiles, inclusion proofs, consistency proofs and tlog-proof@v1 files.
//
//	tlog log VKEY LOGDIR [OLD-CHECKPOINT]   every entry is included; the tree extends the old checkpoint's
//	tlog proof VKEY PROOF LOGDIR            the proof file's checkpoint, index and path hold for the entry in the log
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "log":
		old := ""
		if len(args) == 4 {
			old = args[3]
		}
		return checkLog(args[1], args[2], old)
	case len(args) == 4 && args[0] == "proof":
		return checkProof(args[1], args[2], args[3])
	}
	return errors.New("usage: tlog log VKEY LOGDIR [OLD-CHECKPOINT] | tlog proof VKEY PROOF LOGDIR")
}

// openCheckpoint verifies the signature and parses a C2SP checkpoint.
func openCheckpoint(vkeyFile string, signed []byte) (tlog.Tree, error) {
	var tree tlog.Tree
	vkey, err := os.ReadFile(vkeyFile)
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("checkpoint of another origin or shape: %q", opened.Text)
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = parseHash(lines[2])
	return tree, err
}

func parseHash(text string) (tlog.Hash, error) {
	var hash tlog.Hash
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(hash) {
		return hash, fmt.Errorf("no hash: %q", text)
	}
	copy(hash[:], raw)
	return hash, nil
}

// dirTiles reads C2SP tlog-tiles, whose paths lack sumdb's tile height.
type dirTiles struct{ dir string }

func (d dirTiles) Height() int { return tileHeight }

func (d dirTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (d dirTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(d.dir, path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// entry reads one log entry from its bundle of u16-prefixed entries.
func entry(dir string, tree tlog.Tree, index int64) ([]byte, error) {
	bundle := tlog.Tile{H: tileHeight, L: 0, N: index >> tileHeight, W: 1 << tileHeight}
	if rest := tree.N - bundle.N<<tileHeight; rest < 1<<tileHeight {
		bundle.W = int(rest)
	}
	path := strings.Replace(bundle.Path(), fmt.Sprintf("tile/%d/0/", tileHeight), "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	for i := int64(0); ; i++ {
		if len(data) < 2 {
			return nil, fmt.Errorf("entry %d is not in %s", index, path)
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return nil, fmt.Errorf("%s is cut short", path)
		}
		if i == index&(1<<tileHeight-1) {
			return data[2 : 2+n], nil
		}
		data = data[2+n:]
	}
}

func checkLog(vkeyFile, dir, oldFile string) error {
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(vkeyFile, signed)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, dirTiles{dir})
	for i := int64(0); i < tree.N; i++ {
		data, err := entry(dir, tree, i)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, i, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(data)); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	if oldFile != "" {
		oldSigned, err := os.ReadFile(oldFile)
		if err != nil {
			return err
		}
		old, err := openCheckpoint(vkeyFile, oldSigned)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return err
		}
		fmt.Printf("consistent: %d -> %d\n", old.N, tree.N)
	}
	fmt.Printf("included: %d entries\n", tree.N)
	return nil
}

func checkProof(vkeyFile, proofFile, dir string) error {
	data, err := os.ReadFile(proofFile)
	if err != nil {
		return err
	}
	head, checkpoint, found := bytes.Cut(data, []byte("\n\n"))
	if !found {
		return errors.New("no blank line before the checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "extra ") {
		return errors.New("not a tlog-proof@v1 file with extra data")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := parseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	tree, err := openCheckpoint(vkeyFile, checkpoint)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	present, err := openCheckpoint(vkeyFile, signed)
	if err != nil {
		return err
	}
	leaf, err := entry(dir, present, index)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
		return err
	}
	fmt.Printf("proved: entry %d of %d\n", index, tree.N)
	return nil
}
