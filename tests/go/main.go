// Verifies proofs of figures. Written from services/evidence/evidence-format.md alone, with the standard library.
//
// It reads names of files from standard input, one a line, and answers each with a line: "holds" and the figure's
// counts, "false" and why, or "unreadable" and why. An argument is the log's key, as it is known from elsewhere.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	countMax = 1<<53 - 1
	bytesMax = 262144
	sidesMax = 64
	ownWord  = "/taizhang/evidence"
)

var (
	levels   = []int{0, 2, 4, 6, 9, 12}
	number   = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)
	code     = regexp.MustCompile(`^[0-9]{2,12}$`)
	lowerHex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	date     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	// Of an event that names nobody the value that hides it is never erased.
	blindForm = regexp.MustCompile(`^\{"blinding":"[0-9a-f]{64}","entry":(\{.*\})\}$`)
	leafForm = regexp.MustCompile(`^\{"id":.*,"intake":\{.*\},"position":[1-9][0-9]{0,15},"publisher":.*,` +
		`"raw_sha256":"[0-9a-f]{64}","recorded_at":"[0-9T:.-]+Z","source":.*\}$`)
)

// fault is what every check panics with; verify gives it back as its answer.
type fault struct{ verdict, words string }

func mustRead(ok bool, format string, values ...any) {
	if !ok {
		panic(fault{"unreadable", fmt.Sprintf(format, values...)})
	}
}

func must(ok bool, words string) {
	if !ok {
		panic(fault{"false", words})
	}
}

type node struct {
	hash        []byte
	counts      []uint64
	first, last string
}

type side struct {
	left bool
	node node
}

type proof struct {
	key, kind, region, entry, note string
	digits                         int
	inner, event                   []byte
	counts                         []uint64
	steps                          [][]side
	path                           [][]byte
}

func hash(parts ...[]byte) []byte {
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return sum[:]
}

func decode(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	mustRead(err == nil && base64.StdEncoding.EncodeToString(data) == text, "%.60q is not canonical base64", text)
	return data
}

func decodeHash(text string) []byte {
	data := decode(text)
	mustRead(len(data) == sha256.Size, "%.60q is no hash", text)
	return data
}

func decodeCounts(texts []string) []uint64 {
	mustRead(len(texts) > 0, "no counts")
	found := make([]uint64, len(texts))
	for n, text := range texts {
		mustRead(number.MatchString(text), "%.60q is no count", text)
		found[n], _ = strconv.ParseUint(text, 10, 64)
	}
	return found
}

// lines of the file's head, taken one after the other by their first word.
type lines struct{ rest []string }

func (l *lines) next() string {
	if len(l.rest) == 0 {
		return ""
	}
	word, _, _ := strings.Cut(l.rest[0], " ")
	return word
}

// take gives the fields behind the word; many is how many, -1 for one or more.
func (l *lines) take(word string, many int) []string {
	mustRead(l.next() == word && len(l.rest) > 0, "%.60q stands where %s is due", l.rest, word)
	fields := strings.Split(l.rest[0], " ")[1:]
	mustRead(len(fields) == many || many < 0 && len(fields) > 0, "%.60q has other fields", l.rest[0])
	l.rest = l.rest[1:]
	return fields
}

func read(data []byte) *proof {
	mustRead(len(data) <= bytesMax && utf8.Valid(data), "too large, or not UTF-8")
	head, note, found := strings.Cut(string(data), "\n\n")
	l := &lines{strings.Split(head, "\n")}
	mustRead(found, "the file has no end")
	l.take("taizhang/figure@v1", 0)
	p := &proof{note: note, key: l.take("key", 1)[0]}
	region := l.take("region", 2)
	mustRead(number.MatchString(region[0]) && (region[1] == "-" || code.MatchString(region[1])), "no region")
	p.digits, _ = strconv.Atoi(region[0])
	p.region = strings.TrimPrefix(region[1], "-")
	p.kind = l.take("kind", 1)[0]
	p.inner = decodeHash(l.take("inner", 1)[0])
	p.counts = decodeCounts(l.take("counts", -1))
	var level []side
	for word := l.next(); word == "left" || word == "right" || word == "above"; word = l.next() {
		if word == "above" {
			l.take("above", 0)
			p.steps, level = append(p.steps, level), nil
			continue
		}
		fields := l.take(word, -1)
		mustRead(len(fields) > 3 && code.MatchString(fields[1]) && code.MatchString(fields[2]), "%.60q is no node", fields)
		beside := node{decodeHash(fields[0]), decodeCounts(fields[3:]), fields[1], fields[2]}
		level = append(level, side{word == "left", beside})
	}
	mustRead(level == nil && l.next() == "entry", "%.60q stands where a level ends or the entry is due", l.rest)
	p.entry, l.rest = strings.TrimPrefix(l.rest[0], "entry "), l.rest[1:]
	p.event = decode(l.take("event", 1)[0])
	for len(l.rest) > 0 {
		p.path = append(p.path, decodeHash(l.take("path", 1)[0]))
	}
	return p
}

// checkpoint gives the tree size and root hash that the key signed.
func checkpoint(note, key string) (uint64, []byte) {
	parts := strings.SplitN(key, "+", 3)
	mustRead(len(parts) == 3, "no verifier key")
	public := decode(parts[2])
	mustRead(len(public) == 1+ed25519.PublicKeySize && public[0] == 1, "no Ed25519 key")
	id := hash([]byte(parts[0]+"\n"), public)[:4]
	mustRead(hex.EncodeToString(id) == parts[1], "the key's id is not its own")
	at := strings.LastIndex(note, "\n\n")
	must(at >= 0 && strings.HasSuffix(note, "\n"), "no signed note")
	text, signed := note[:at+1], false
	for _, line := range strings.Split(strings.TrimSuffix(note[at+2:], "\n"), "\n") {
		fields := strings.Split(line, " ")
		must(len(fields) == 3 && fields[0] == "\u2014", "no signature line")
		data, err := base64.StdEncoding.DecodeString(fields[2])
		must(err == nil && len(data) > 4, "no signature")
		must(base64.StdEncoding.EncodeToString(data) == fields[2], "a signature is not in canonical base64")
		if fields[1] == parts[0] && bytes.Equal(data[:4], id) {
			must(ed25519.Verify(public[1:], []byte(text), data[4:]), "the signature is not over this checkpoint")
			signed = true
		}
	}
	body := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	must(signed && len(body) > 2 && body[0] == parts[0], "the log's key did not sign it, or it is another log's")
	size, err := strconv.ParseUint(body[1], 10, 63)
	must(err == nil && strconv.FormatUint(size, 10) == body[1], "no tree size")
	root, err := base64.StdEncoding.DecodeString(body[2])
	must(err == nil && len(root) == sha256.Size, "no root hash")
	return size, root
}

// included follows RFC 9162 section 2.1.3.2.
func included(made []byte, index, size uint64, path [][]byte, root []byte) {
	must(index < size, "the event is not within the tree")
	last := size - 1
	for _, sibling := range path {
		must(last != 0, "the path is too long")
		if index&1 == 1 || index == last {
			made = hash([]byte{1}, sibling, made)
			for index&1 == 0 && index != 0 {
				index, last = index>>1, last>>1
			}
		} else {
			made = hash([]byte{1}, made, sibling)
		}
		index, last = index>>1, last>>1
	}
	must(last == 0 && bytes.Equal(made, root), "the event is not in the log")
}

type stated struct {
	EffectiveOn string   `json:"effective_on"`
	Format      string   `json:"format"`
	AsOf        string   `json:"as_of"`
	KnownAt     *uint64  `json:"known_at"`
	RootHash    string   `json:"root_hash"`
	Ruleset     string   `json:"ruleset"`
	Kinds       []string `json:"kinds"`
	Counts      []string `json:"counts"`
	Sums        string   `json:"sums"`
	Entities    *uint64  `json:"entities"`
	Map         string   `json:"map"`
}

// opened gives what is recorded of an event, and the leaf that its entry opens.
func opened(entry string) (record, leaf string) {
	found := blindForm.FindStringSubmatch(entry)
	if found == nil {
		return entry, entry
	}
	var in struct{ Position uint64 }
	must(json.Unmarshal([]byte(found[1]), &in) == nil, "the entry is no leaf")
	commitment := hash([]byte("taizhang/leaf/2\n"), []byte(entry))
	return found[1], fmt.Sprintf(`{"commitment":"%x","position":%d}`, commitment, in.Position)
}

func roots(p *proof, size uint64, root []byte) *stated {
	var entry struct {
		ID, Publisher, Source string
		Position              uint64
		Digest                string `json:"raw_sha256"`
	}
	record, leaf := opened(p.entry)
	must(leafForm.MatchString(record) && json.Unmarshal([]byte(record), &entry) == nil, "the entry is no leaf")
	must(hex.EncodeToString(hash(p.event)) == entry.Digest, "the event's bytes were changed")
	included(hash([]byte{0}, []byte(leaf)), entry.Position-1, size, p.path, root)
	var event struct {
		ID, Source, Type string
		Data             json.RawMessage
	}
	must(json.Unmarshal(p.event, &event) == nil, "the event is not JSON")
	own := entry.Source == ownWord && entry.Publisher == ownWord && event.Source == ownWord && event.ID == entry.ID
	must(own, "the roots are not the service's own word")
	must(event.Type == "taizhang.evidence.rooted.v1", "the event states no roots")
	s, data := &stated{}, json.NewDecoder(bytes.NewReader(event.Data))
	data.DisallowUnknownFields()
	must(data.Decode(s) == nil && s.Format == "taizhang-roots/1", "the event states something else")
	must(date.MatchString(s.AsOf) && date.MatchString(s.EffectiveOn), "no date")
	must(s.KnownAt != nil && *s.KnownAt < entry.Position && s.Entities != nil, "no position before its own")
	must(len(s.Kinds) > 0 && len(s.Counts) > 0, "nothing is counted")
	for _, each := range []string{s.Sums, s.Map, s.RootHash, s.Ruleset} {
		must(lowerHex.MatchString(each), "a root is no hash")
	}
	return s
}

func label(text string) []byte { return append([]byte{byte(len(text))}, text...) }

func numbers(counts []uint64) []byte {
	made := binary.BigEndian.AppendUint16(nil, uint16(len(counts)))
	for _, count := range counts {
		made = binary.BigEndian.AppendUint64(made, count)
	}
	return made
}

func (n node) bytes() []byte {
	return bytes.Join([][]byte{n.hash, label(n.first), label(n.last), numbers(n.counts)}, nil)
}

func (n node) check(digits, width int) {
	must(len(n.counts) == width && n.first <= n.last, "a node has other counts, or no range")
	for _, count := range n.counts {
		must(count <= countMax, "a count is too large")
	}
	for _, each := range []string{n.first, n.last} {
		must(len(each) <= digits && (digits > 0) == code.MatchString(each), "a label is no region of the level")
	}
}

func join(l, r node) node {
	must(l.last < r.first, "neighbours are not in order")
	counts := make([]uint64, len(l.counts))
	for n := range counts {
		counts[n] = l.counts[n] + r.counts[n]
		must(counts[n] <= countMax, "a sum is too large")
	}
	return node{hash([]byte("taizhang/sum/join/1\n"), l.bytes(), r.bytes()), counts, l.first, r.last}
}

func region(digits int, key string, inner []byte, counts []uint64) node {
	hashed := hash([]byte("taizhang/sum/region/1\n"), []byte{byte(digits)}, label(key), inner, numbers(counts))
	return node{hashed, counts, key, key}
}

// sums gives the root to which the figures lead.
func sums(p *proof, width int) []byte {
	level := len(p.steps)
	must(level < len(levels) && levels[level] == p.digits, "there are not as many levels as stand above the region")
	at := region(p.digits, p.region, p.inner, p.counts)
	at.check(p.digits, width)
	for _, sides := range p.steps {
		must(len(sides) <= sidesMax, "too many nodes beside the way")
		for _, beside := range sides {
			beside.node.check(levels[level], width)
			if beside.left {
				at = join(beside.node, at)
			} else {
				at = join(at, beside.node)
			}
		}
		level--
		above := at.first[:min(levels[level], len(at.first))]
		must(strings.HasPrefix(at.last, above), "what is joined is not of one region")
		at = region(levels[level], above, at.hash, at.counts)
		at.check(levels[level], width)
	}
	return at.hash
}

func verify(data []byte, known string) (verdict, words string) {
	defer func() {
		switch found := recover().(type) {
		case nil:
		case fault:
			verdict, words = found.verdict, found.words
		default:
			panic(found)
		}
	}()
	p := read(data)
	must(known == "" || known == p.key, "it is of another log's key")
	size, root := checkpoint(p.note, p.key)
	s := roots(p, size, root)
	made := sums(p, len(s.Kinds)*len(s.Counts))
	must(hex.EncodeToString(made) == s.Sums, "the sums lead to another root")
	figure, chosen := make([]string, len(s.Counts)), false
	for n, name := range s.Counts {
		sum := uint64(0)
		for k, kind := range s.Kinds {
			if p.kind == "all" || p.kind == kind {
				sum, chosen = sum+p.counts[k*len(s.Counts)+n], true
			}
		}
		figure[n] = fmt.Sprintf("%s=%d", name, sum)
	}
	must(chosen, "the kind is none of those that are counted")
	words = fmt.Sprintf("%s %d %d %s %s %s", s.AsOf, *s.KnownAt, p.digits, p.region, p.kind, strings.Join(figure, " "))
	return "holds", words
}

func main() {
	known := strings.Join(os.Args[1:], "")
	for names := bufio.NewScanner(os.Stdin); names.Scan(); {
		data, err := os.ReadFile(names.Text())
		if err != nil {
			fmt.Println("unreadable", err)
			continue
		}
		verdict, words := verify(data, known)
		fmt.Println(verdict, words)
	}
}
