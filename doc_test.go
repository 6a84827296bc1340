package frontdesk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every exported type, function, method, constant and variable of a package
// that programs can import has a doc comment.
func TestExportedNamesAreDocumented(t *testing.T) {
	files := token.NewFileSet()
	names := 0
	missing := func(n *ast.Ident, docs ...*ast.CommentGroup) {
		if !n.IsExported() {
			return
		}
		names++
		for _, d := range docs {
			if d.Text() != "" {
				return
			}
		}
		t.Errorf("%s: %s has no doc comment: write one", files.Position(n.Pos()), n.Name)
	}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "internal" || d.Name() == "testdata" || d.Name() == "tools"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if exportedReceiver(decl) {
					missing(decl.Name, decl.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						missing(spec.Name, spec.Doc, decl.Doc)
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							missing(n, spec.Doc, spec.Comment, decl.Doc)
						}
					}
				}
			}
		}
		return nil
	}))
	require.Greater(t, names, 300, "the test looks at the packages")
}

// exportedReceiver reports whether a function is one, or the method of an
// exported type.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}
